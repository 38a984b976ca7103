import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { Analyses } from '../../src/portfolio/analyses.ts';
import { afterbell } from '../nights/command.ts';
import { cli } from '../nights/program.ts';
import { HELD, openScene, scratch, THAT_MORNING, warmHome } from '../nights/scene.ts';
import { send, startLoopback } from '../vendors/loopback.ts';

interface Row {
  name: string;
  input: string;
  /** As one line of a terminal. */
  expected: string;
}
const rows = JSON.parse(readFileSync(new URL('terminal.json', import.meta.url), 'utf8')) as Row[];
const forged = rows[0]!;

/** What no terminal may get from outside; our own lines end with LF. */
const STEERS = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const sqlText = (text: string) => `'${text.replaceAll("'", "''")}'`;

let env: Record<string, string>;
const shown = {} as Record<'logs' | 'quarantine' | 'query' | 'json', string>;

beforeAll(async () => {
  env = { ...THAT_MORNING, AFTERBELL_HOME: await warmHome() };
  const home = env.AFTERBELL_HOME!;
  mkdirSync(join(home, 'logs'), { recursive: true });
  const lines = rows.flatMap(({ input }, index) => {
    const line = { at: '2025-11-20T09:00:00Z', name: 'sync-tickers', id: 'r', stream: 'stderr' };
    return [
      { ...line, record: { message: `<${index}:${input}>`, [input]: input } },
      { ...line, text: `<${index}:${input}>` },
    ];
  });
  writeFileSync(join(home, 'logs', 'functions.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const quarantine = join(home, 'lake', 'quarantine', `date=${HELD.last}.jsonl`);
  mkdirSync(dirname(quarantine), { recursive: true });
  for (const [index, { input }] of rows.entries()) {
    const line = { dataset: 'prices', date: HELD.last, symbol: `S${index}`, reason: `<${index}:${input}>` };
    appendFileSync(quarantine, `${JSON.stringify({ ...line, symbol: `${line.symbol}${input}` })}\n`);
  }
  const values = rows.map(({ input }, index) => `(${index}, ${sqlText(`<${index}:${input}>`)})`).join(', ');
  const sql = `FROM (VALUES ${values}) AS t(n, text) ORDER BY n`;
  shown.logs = (await afterbell(['logs', 'sync-tickers'], env)).stdout;
  shown.quarantine = (await afterbell(['status', '--failed'], env)).stdout;
  shown.query = (await afterbell(['query', sql], env)).stdout;
  shown.json = (await afterbell(['query', sql, '--json'], env)).stdout;
});

test.each(rows.map((row, index) => ({ ...row, index })))(
  'logs, status and query show $name as text',
  ({ input, expected, index }) => {
    for (const door of ['logs', 'quarantine', 'query'] as const)
      expect(shown[door], door).toContain(`<${index}:${expected}>`);
    expect(JSON.parse(shown.json)[index]).toEqual({ n: index, text: `<${index}:${input}>` });
  },
);

test.each(['logs', 'quarantine', 'query', 'json'] as const)(
  'nothing that steers a terminal, and no forged line, is printed by %s',
  (door) => {
    expect(shown[door]).not.toMatch(STEERS);
    expect(shown[door]).not.toMatch(/^Succeeded/m);
  },
);

test('a table keeps its columns whatever a cell holds', () => {
  const [head = '', ...cells] = shown.query.trimEnd().split('\n');
  expect(cells).toHaveLength(rows.length);
  for (const line of cells) expect(line.indexOf('<')).toBe(head.indexOf('text'));
});

test("an error shows a driver's text set in, as lines that are not ours", async () => {
  const said = await afterbell(['query', `SELECT error(${sqlText(`${rows[2]!.input}${forged.input}`)})`], env);
  expect(said.code).toBe(2);
  expect(said.stderr).not.toMatch(STEERS);
  expect(said.stderr).toMatch(/^ {2}Succeeded: night/m);
  expect(said.stderr).not.toMatch(/^Succeeded/m);
  const json = await afterbell(['query', `SELECT error(${sqlText('a\u009b2K\u202eb')})`, '--json'], env);
  expect(json.stdout).not.toMatch(STEERS);
  expect(JSON.parse(json.stdout).error.message).toContain('a\u009b2K\u202eb');
});

test("a vendor's refusal cannot forge the end of a run", async () => {
  const vendor = await startLoopback((response) => {
    send(response, 400, { status: 'ERROR', error: `${rows[2]!.input}${rows[13]!.input} ${forged.input}` });
  });
  const settings = { AFTERBELL_HOME: scratch(), POLYGON_API_KEY: 'x', POLYGON_BASE_URL: vendor.url };
  try {
    const run = await afterbell(['run', 'sync-tickers'], settings);
    expect(run.code).toBe(1);
    expect(run.stdout).toContain('few rows Succeeded: night');
    expect(run.stdout + run.stderr).not.toMatch(STEERS);
    expect(run.stdout + run.stderr).not.toMatch(/^Succeeded/m);
    expect(run.stdout).toMatch(/^Failed: run/m);
    const status = await afterbell(['status'], settings);
    expect(status.stdout).not.toMatch(STEERS);
  } finally {
    await vendor.close();
  }
});

test("a model's analysis cannot steer the terminal", async () => {
  const list = join(scratch(), 'mine.json');
  writeFileSync(list, '[{"portfolio": "mine", "positions": [{"symbol": "AAPL", "quantity": 2}]}]');
  expect((await afterbell(['portfolios', '--import', list], env)).code).toBe(0);
  expect((await afterbell(['analyze', '--portfolio', 'mine'], env)).code).toBe(0);
  const scene = await openScene({ home: env.AFTERBELL_HOME! });
  const table = new Analyses(scene.laptop.stores.tables, scene.laptop.stores.config);
  const stored = (await table.last('mine'))!;
  const { positions } = stored.parsed_data;
  const hostile = positions.map((one) => ({ ...one, rationale: rows[2]!.input, risks: [forged.input] }));
  const parsed_data = { ...stored.parsed_data, summary: `${forged.input}${rows[7]!.input}`, positions: hostile };
  await table.store({ ...stored, model: `grok${rows[4]!.input}`, parsed_data });
  await scene.close();
  const again = await afterbell(['analyze', '--portfolio', 'mine'], env);
  const listed = await afterbell(['portfolios'], env);
  expect(again.stdout).toContain('few rows');
  expect(again.stdout + listed.stdout).not.toMatch(STEERS);
  expect(again.stdout.match(/^Succeeded/gm)).toHaveLength(1);
});

/** util-linux's: runs a command on a terminal of its own. */
const SCRIPT = '/usr/bin/script';

test.skipIf(process.platform !== 'linux' || !existsSync(SCRIPT))(
  'on a terminal our own colours stay, and columns are as wide as what is shown',
  async () => {
    const command = `${process.execPath} ${cli} status`;
    const options = { cwd: scratch(), env: { PATH: process.env.PATH, TERM: 'xterm', ...env } };
    const { stdout } = await promisify(execFile)(SCRIPT, ['-qc', command, '/dev/null'], options);
    const esc = '\u001b';
    expect(stdout).toContain(`${esc}[32mSucceeded${esc}[39m`);
    const plain = stdout.replaceAll(`${esc}[32m`, '').replaceAll(`${esc}[39m`, '').replaceAll('\r\n', '\n');
    expect(plain).not.toMatch(STEERS);
    const [, head = '', row = ''] = /^(session +kind.*)\n(.*)$/m.exec(plain)!;
    expect(row[head.indexOf('started') - 1]).toBe(' ');
    expect(row.slice(head.indexOf('started'))).toMatch(/^\w{3} \d\d /);
  },
);
