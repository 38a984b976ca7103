import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { generateMarket } from '../../src/local/market/generator.ts';
import { afterbell, typed } from './command.ts';
import { openMarket, scratch } from './scene.ts';

/** Refused rows of one session: fewer than the share that withholds it. */
const SPOILT = 6;
const RANGE = { from: '2025-10-01', to: '2025-10-31', sessions: 23 };
const TOTAL = SPOILT * RANGE.sessions;

let env: Record<string, string>;
let backfill: string;
beforeAll(async () => {
  const source = generateMarket({ symbols: 400, seed: 1 });
  const market = await openMarket({ source, misbehave: ['wrong-types@grouped'] });
  env = { AFTERBELL_HOME: scratch(), POLYGON_BASE_URL: market.url, POLYGON_API_KEY: 'x' };
  backfill = (await afterbell(['backfill', '--from', RANGE.from, '--to', RANGE.to], env)).stdout;
});

interface Answer {
  total: number;
  sessions: number;
  reasons: { dataset: string; reason: string; rows: number; sessions: number; first: string; last: string }[];
  rows: { session: string; dataset: string; symbol: string; reason: string; row: object }[];
}
/** A row whose symbol is legible. */
const named = ({ rows }: Answer) => rows.find(({ symbol }) => symbol !== '')!;
const asked = async (...args: string[]): Promise<Answer> =>
  JSON.parse((await afterbell(['quarantine', ...args, '--json'], env)).stdout);

test('every row that a backfill refused is listed, counts by reason first', async () => {
  const all = await asked();
  expect(all).toMatchObject({ total: TOTAL, sessions: RANGE.sessions });
  expect(all.rows).toHaveLength(TOTAL);
  expect(all.reasons.reduce((sum, { rows }) => sum + rows, 0)).toBe(TOTAL);
  const { symbol } = named(all);
  expect(all.rows).toContainEqual(expect.objectContaining({ symbol, row: expect.objectContaining({ T: symbol }) }));
  const { stdout, code } = await afterbell(['quarantine'], env);
  expect(code).toBe(0);
  const [most] = all.reasons;
  expect(stdout).toMatch(
    new RegExp(`^${TOTAL} rows of ${RANGE.sessions} sessions in quarantine:\n\nrows +sessions +first`),
  );
  expect(stdout).toContain(`${most!.first}  ${most!.last}  prices   ${most!.reason}\n`);
  expect(stdout).toContain(`… ${TOTAL} rows in all; --json has every one`);
});

test('a session, a symbol and words of a reason narrow it down, and a near name is proposed', async () => {
  const all = await asked();
  const { rows } = all;
  const { session, symbol, reason } = named(all);
  expect((await asked('--session', session)).total).toBe(SPOILT);
  const ofSymbol = rows.filter((row) => row.symbol === symbol).length;
  expect((await asked('--symbol', symbol)).total).toBe(ofSymbol);
  const ofReason = rows.filter((row) => row.reason === reason).length;
  expect((await asked('--reason', reason.toUpperCase())).total).toBe(ofReason);
  expect((await asked('--session', session, '--symbol', symbol)).rows).toMatchObject([{ session, symbol, reason }]);
  const none = await afterbell(['quarantine', '--symbol', `${symbol}X`], env);
  expect(none.stdout).toBe(`No row in quarantine is like that. Did you mean ${symbol}?\n`);
});

test('status --failed and the answer of a backfill lead to it with the true count', async () => {
  expect(backfill).toContain(`${TOTAL} rows were refused, each with its reason: ${typed(env)} quarantine`);
  const { stdout } = await afterbell(['status', '--failed'], env);
  expect(stdout).toContain(
    `${TOTAL} rows of ${RANGE.sessions} sessions in quarantine, each with its reason: ${typed(env)} quarantine`,
  );
  const document = JSON.parse((await afterbell(['status', '--failed', '--json'], env)).stdout);
  expect(document.quarantined).toEqual({ rows: TOTAL, sessions: RANGE.sessions });
});

test('the view quarantine has the same rows, their fields within reach', async () => {
  const sql = "SELECT count(*) AS rows, count(DISTINCT date) AS sessions, count(row->>'T') AS named FROM quarantine";
  const { stdout } = await afterbell(['query', sql, '--json'], env);
  expect(JSON.parse(stdout)).toEqual([{ rows: TOTAL, sessions: RANGE.sessions, named: TOTAL }]);
});

test("a backfill's page says each reason once, over all of its sessions", async () => {
  const folder = join(env.AFTERBELL_HOME!, 'lake', 'reports', `date=${RANGE.to}`);
  const [page = ''] = readdirSync(folder).filter((name) => name.endsWith('.html'));
  const text = readFileSync(join(folder, page), 'utf8');
  expect(text).toContain(`<p>${TOTAL} rows; all of them are in <code>quarantine/</code>.</p>`);
  const { reasons } = await asked();
  for (const { reason, rows } of reasons) expect(text).toContain(`<li>prices: ${reason}: ${rows}</li>`);
});
