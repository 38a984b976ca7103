import {
  BeginTransactionCommand,
  ExecuteStatementCommand,
  RDSDataClient,
  RollbackTransactionCommand,
} from '@aws-sdk/client-rds-data';
import { mockClient } from 'aws-sdk-client-mock';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { openWarehouse } from '../../src/warehouse/client.ts';

const config = loadConfig({ DATABASE_CLUSTER_ARN: 'cluster', DATABASE_SECRET_ARN: 'secret' });

function openMocked() {
  const client = new RDSDataClient({ region: 'us-east-1' });
  return { warehouse: openWarehouse(config, client), stub: mockClient(client) };
}

test.each([
  ['DatabaseResumingException', 'The Aurora DB instance is resuming after being auto-paused', 'Database.Resuming'],
  ['BadRequestException', 'Communications link failure; The last packet sent …', 'Database.Resuming'],
  ['DatabaseUnavailableException', 'the writer is not reachable', 'Database.Resuming'],
  ['StatementTimeoutException', 'no answer within 45 seconds', 'Database.Resuming'],
  ['ServiceUnavailableError', 'try again', 'Database.Resuming'],
  ['InternalServerErrorException', 'internal failure', 'Database.Resuming'],
  ['DatabaseErrorException', 'ERROR: syntax error', 'Database.Failed'],
  ['ForbiddenException', 'HttpEndpoint is not enabled', 'Database.Failed'],
])('%s is told as %s', async (name, message, told) => {
  const { warehouse, stub } = openMocked();
  stub.on(ExecuteStatementCommand).rejects(Object.assign(new Error(message), { name }));
  await expect(warehouse.query('SELECT 1')).rejects.toMatchObject({
    name: told,
    message: expect.stringContaining(message),
  });
});

test('comments are blanks by the time a statement is sent, and texts that look like comments stay', async () => {
  const { warehouse, stub } = openMocked();
  stub.on(ExecuteStatementCommand).resolves({});
  await warehouse.query("SELECT '-- kept' AS a, $$/* kept */$$ -- it's :gone;\n, 1 /* :so /* is */ this */ AS b");
  const [call] = stub.commandCalls(ExecuteStatementCommand);
  const blanks = (count: number) => ' '.repeat(count);
  expect(call!.args[0].input.sql).toBe(`SELECT '-- kept' AS a, $$/* kept */$$ ${blanks(14)}\n, 1 ${blanks(23)} AS b`);
});

test('every kind of value travels as its own, decimals come back as text', async () => {
  const { warehouse, stub } = openMocked();
  stub.on(ExecuteStatementCommand).resolves({
    columnMetadata: [{ label: 'a' }, { name: 'b' }, { label: 'c' }],
    records: [[{ stringValue: '1.10' }, { isNull: true }, { booleanValue: false }]],
  });
  const values = { text: 'x', whole: 7, real: 1.5, flag: true, none: null };
  expect(await warehouse.query('SELECT', values)).toEqual([{ a: '1.10', b: null, c: false }]);
  const { input } = stub.commandCalls(ExecuteStatementCommand)[0]!.args[0];
  expect(input.parameters).toEqual([
    { name: 'text', value: { stringValue: 'x' } },
    { name: 'whole', value: { longValue: 7 } },
    { name: 'real', value: { doubleValue: 1.5 } },
    { name: 'flag', value: { booleanValue: true } },
    { name: 'none', value: { isNull: true } },
  ]);
  expect(input).toMatchObject({ resourceArn: 'cluster', secretArn: 'secret', database: 'afterbell' });
  expect(input.resultSetOptions).toEqual({ decimalReturnType: 'STRING' });
});

test.each([
  ['is answered', undefined],
  ['fails', 'ERROR: cannot execute DELETE in a read-only transaction; SQLState: 25006'],
])('a statement of a person that %s runs in a read-only transaction that is rolled back', async (_title, trouble) => {
  const { warehouse, stub } = openMocked();
  stub.on(BeginTransactionCommand).resolves({ transactionId: 't-1' });
  stub.on(ExecuteStatementCommand).resolves({ columnMetadata: [{ label: 'n' }], records: [[{ longValue: 1 }]] });
  stub.on(RollbackTransactionCommand).resolves({});
  if (trouble) {
    const refusal = Object.assign(new Error(trouble), { name: 'DatabaseErrorException' });
    stub.on(ExecuteStatementCommand, { sql: 'SELECT n' }).rejects(refusal);
  }
  const reading = warehouse.read('SELECT n');
  if (trouble) await expect(reading).rejects.toMatchObject({ name: 'Database.Failed' });
  else expect(await reading).toEqual([{ n: 1 }]);
  const inputs = stub.calls().map(({ args }) => args[0].input as { sql?: string; transactionId?: string });
  expect(inputs.map(({ sql, transactionId }) => [sql, transactionId])).toEqual([
    [undefined, undefined],
    ['SET TRANSACTION READ ONLY', 't-1'],
    [expect.stringContaining('pg_read_all_data'), 't-1'],
    ['SELECT n', 't-1'],
    [undefined, 't-1'],
  ]);
  expect(stub.commandCalls(RollbackTransactionCommand)).toHaveLength(1);
});

test('a cluster that wakes up is named when a transaction begins, too', async () => {
  const { warehouse, stub } = openMocked();
  stub.on(BeginTransactionCommand).rejects(Object.assign(new Error('resuming'), { name: 'DatabaseResumingException' }));
  await expect(warehouse.read('SELECT 1')).rejects.toMatchObject({ name: 'Database.Resuming' });
  expect(stub.commandCalls(RollbackTransactionCommand)).toHaveLength(0);
});

test('a warehouse that is not configured says what is missing', () => {
  expect(() => openWarehouse(loadConfig({ DATABASE_CLUSTER_ARN: 'x' }))).toThrow(/DATABASE_SECRET_ARN unset/);
});
