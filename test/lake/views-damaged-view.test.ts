import { expect, test } from 'vitest';
import { sessionsBetween } from '../../src/calendar/calendar.ts';
import { LIST_VIEWS } from '../../src/datasets/registry.ts';
import { keys } from '../../src/lake/lake.ts';
import { encodeBars } from '../../src/lake/session-files.ts';
import { openViews } from '../../src/lake/views.ts';
import { bar } from '../checks/bars.ts';
import { temporaryFolder } from '../local/programs.ts';
import { MemoryLake } from './memory-lake.ts';

const dates = sessionsBetween('2024-01-02', '2025-06-30');
const history = (symbol: string) => encodeBars(dates.map((date) => bar(symbol, date)));

/** What a question comes to in a lake where one of three histories is damaged. */
async function errorOf(symbol: string, damage: (bytes: Uint8Array) => Uint8Array, sql: string): Promise<Error> {
  const lake = new MemoryLake();
  for (const name of ['A', 'M', 'Z']) {
    await lake.write(keys.symbol(name), name === symbol ? damage(history(name)) : history(name));
  }
  const views = await openViews(lake, temporaryFolder(), { intervals: [], lists: LIST_VIEWS }).catch(
    (error: Error) => error,
  );
  if (views instanceof Error) return views;
  try {
    return await views.connection.runAndReadAll(sql).then(
      () => new Error('no error'),
      (error: Error) => views.blame(error),
    );
  } finally {
    views.close();
  }
}

const ALL = 'SELECT max(symbol), sum(close) FROM bars';
const damages: [string, (bytes: Uint8Array) => Uint8Array][] = [
  ['cut at its end', (bytes) => bytes.slice(0, -100)],
  ['nearly empty', () => Buffer.from('PAR1')],
  ['no Parquet', () => Buffer.from('<html>not here</html>')],
  ['damaged in its first page', (bytes) => bytes.slice().fill(0xff, 4, 60)],
  ['damaged in its footer', (bytes) => bytes.slice().fill(0xff, bytes.length - 60, bytes.length - 8)],
];

test.each(damages)('a history that is %s is named, wherever it stands in the list', async (_, damage) => {
  for (const symbol of ['A', 'M', 'Z']) {
    const error = await errorOf(symbol, damage, ALL);
    expect([symbol, error.name]).toEqual([symbol, 'Lake.Corrupt']);
    expect(error.message).toContain(`${keys.symbol(symbol)} is damaged`);
    expect(error.message).toContain('afterbell verify');
  }
});

test('a mistake in the question is the question’s own, damaged files or not', async () => {
  const cut = (bytes: Uint8Array) => bytes.slice(0, -100);
  for (const sql of ['SELEC', 'SELECT nope FROM bars', "SELECT 'a'::INT", "SELECT * FROM read_parquet('/nope')"]) {
    expect((await errorOf('Z', cut, sql)).name).toBe('Error');
  }
});
