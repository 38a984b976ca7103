import { expect, test } from 'vitest';
import { NamedError } from '../../src/errors.ts';
import { prepareWarehouse } from '../../src/night/open.ts';
import { MIGRATIONS } from '../../src/warehouse/client.ts';
import { night, SESSION } from './closing.ts';
import { FakeWarehouse } from './rooms.ts';

test('migrations come before the night is entered, which has the instant it was opened at', async () => {
  const warehouse = new FakeWarehouse();
  expect(await prepareWarehouse(night(), warehouse)).toEqual({ applied: MIGRATIONS.map(({ id }) => id) });
  expect(warehouse.sent[0]!.sql).toContain('schema_migrations');
  const { sql, values } = warehouse.sent.at(-1)!;
  expect(sql).toContain('INSERT INTO nights');
  expect(values).toEqual({
    run_id: 'night-1',
    session: SESSION,
    kind: 'night',
    started_at: '2026-11-26 09:00:00.000',
    execution_arn: 'arn:night-1',
    released_run: null,
    planned: JSON.stringify(['sync-tickers', 'sync-assets', 'prices', 'consolidate', 'resample']),
  });
});

test('a warehouse that wakes up is told by name, for the state machine to wait', async () => {
  const warehouse = new FakeWarehouse();
  warehouse.trouble = new NamedError('Database.Resuming', 'asleep');
  await expect(prepareWarehouse(night(), warehouse)).rejects.toMatchObject({ name: 'Database.Resuming' });
});
