import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keys, readJson } from '../../src/lake/lake.ts';
import { closeNight } from '../../src/night/close.ts';
import type { NightReport } from '../../src/records/run.ts';
import { closing, failed, SESSION } from '../night/closing.ts';
import { openTestStores } from '../night/rooms.ts';
import { type LocalTables, openLocalTables } from '../tables/local-tables.ts';

const inputs = JSON.parse(readFileSync(new URL('reasons.json', import.meta.url), 'utf8')) as {
  name: string;
  input: string;
  expected: string;
}[];

let tables: LocalTables;
beforeAll(async () => {
  tables = await openLocalTables();
});
afterAll(() => tables.close());

const isStorable = (text: string) => !/\p{Cs}/u.test(text) && !/\0|\\u0000|\\ud[89a-f]/i.test(text);

test.each(inputs)('a failure whose text has $name is entered, reported and sent', async ({ input, expected }) => {
  const stores = await openTestStores(tables);
  const trouble = { state: 'Open Night', error: 'E', cause: input };
  const outcome = closing({ trouble, reference: [failed('sync-tickers', 'E', input)] });
  const closed = await closeNight(outcome, stores, async () => {}, '2026-11-26T09:02:00.000Z');
  const report = await readJson<NightReport>(stores.lake, keys.report(SESSION, 'night.json'));
  expect(report?.reasons[0]).toBe(`Open Night: E: ${expected}`);
  expect(closed.message).toContain(expected);
  for (const text of [closed.message, closed.cause, closed.subject]) expect(isStorable(text)).toBe(true);
  for (const { values } of stores.warehouse.sent) {
    for (const value of Object.values(values)) expect(isStorable(String(value))).toBe(true);
  }
});

test('a cause that is cut inside a pair ends before it', async () => {
  const trouble = { state: 'S', error: 'E', cause: `${'x'.repeat(1993)}\u{1f600}` };
  const stores = await openTestStores(tables);
  const closed = await closeNight(closing({ trouble }), stores, async () => {}, '2026-11-26T09:02:00.000Z');
  expect(closed.cause).toHaveLength(1999);
  expect(isStorable(closed.cause)).toBe(true);
});
