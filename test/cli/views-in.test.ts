import { expect, test } from 'vitest';
import { viewsIn } from '../../src/cli/query.ts';

test('only views that a text names are wanted, in any case and in quotes, and the order of rows names none', () => {
  const isWanted = viewsIn(`SELECT * FROM BARS JOIN "splits" USING (symbol) ORDER BY date DESC`)!;
  expect(['bars', 'splits', 'sessions', 'bars_3d'].filter(isWanted)).toEqual(['bars', 'splits']);
});

test.each([
  'SHOW TABLES',
  'desc bars',
  'SELECT * FROM (DESCRIBE)',
  'SELECT view_name FROM duckdb_views()',
  'SELECT table_name FROM information_schema.tables',
  "FROM query_table('ba' || 'rs')",
])('%s may be about any view', (sql) => {
  expect(viewsIn(sql)).toBeUndefined();
});
