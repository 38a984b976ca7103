import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { type Laptop, openLaptop } from '../../src/local/laptop.ts';
import { postgresFor, startPrivatePostgres } from '../local/aws/private-postgres.ts';
import { afterbell } from '../nights/command.ts';
import { program } from '../nights/program.ts';
import { scratch, warmHome } from '../nights/scene.ts';
import rows from './query-warehouse.json';

const programs = postgresFor('query --warehouse');

/** What a statement may have changed: rows, tables, a sequence, large objects, and the session that nights use. */
const STATE = `SELECT (SELECT string_agg(n::text, ',' ORDER BY n) FROM kept) AS kept,
  (SELECT last_value || ' ' || is_called FROM counter) AS counter,
  (SELECT count(*) FROM pg_class WHERE relkind = 'r') AS tables,
  (SELECT count(*) FROM pg_largeobject_metadata) AS large_objects,
  (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks,
  (SELECT count(*) FROM pg_prepared_statements WHERE from_sql) AS prepared,
  (SELECT count(*) FROM pg_listening_channels()) AS channels,
  (SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings
    WHERE name IN ('work_mem', 'default_transaction_read_only', 'search_path', 'DateStyle', 'TimeZone')) AS settings,
  current_user::text AS "user"`;

const databases: [string, () => Promise<{ url?: string; stop?: () => Promise<void> }>][] = [
  ['PGlite', async () => ({})],
];
if (programs) {
  databases.push([
    'PostgreSQL',
    async () => {
      const { connectionString, stop } = await startPrivatePostgres(programs);
      return { url: connectionString, stop };
    },
  ]);
}

describe.each(databases)('query --warehouse on %s beside a pipeline that uses it', (_name, start) => {
  const file = join(scratch(), 'written');
  let env: Record<string, string>;
  let laptop: Laptop;
  let stop: (() => Promise<void>) | undefined;
  const state = async () => (await laptop.stores.warehouse.query(STATE))[0];

  beforeAll(async () => {
    const database = await start();
    stop = database.stop;
    env = { AFTERBELL_HOME: await warmHome(), ...(database.url && { DATABASE_URL: database.url }) };
    laptop = await openLaptop({ config: loadConfig(env), program });
    const { warehouse } = laptop.stores;
    await warehouse.query('CREATE TABLE kept (n int)');
    await warehouse.query('INSERT INTO kept VALUES (1), (2)');
    await warehouse.query('CREATE SEQUENCE counter');
  });
  afterAll(async () => {
    await laptop?.close();
    await stop?.();
  });

  test.each(rows)('$name changes nothing', async ({ input, expected }) => {
    const before = await state();
    const sql = input.replaceAll('$FILE', file);
    const { code, stdout, stderr } = await afterbell(['query', '--warehouse', sql, '--json'], env);
    // What one PostgreSQL refuses in a read-only transaction and an older one rolls back is no matter of the answer.
    if (expected !== null) {
      expect(stdout + stderr).toContain(expected);
      expect(code).toBe(/^\[|^Result/.test(expected) ? 0 : 2);
    }
    expect(await state()).toEqual(before);
    expect(existsSync(file)).toBe(false);
  });
});
