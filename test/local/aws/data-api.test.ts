import { join } from 'node:path';
import {
  BeginTransactionCommand,
  CommitTransactionCommand,
  ExecuteStatementCommand,
  type ExecuteStatementCommandInput,
  RDSDataClient,
  RollbackTransactionCommand,
  type SqlParameter,
} from '@aws-sdk/client-rds-data';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPglite } from '../../../src/local/aws/pglite.ts';
import { openPostgres } from '../../../src/local/aws/postgres.ts';
import { startAwsServer } from '../../../src/local/aws/server.ts';
import { randomCredentials } from '../../../src/local/aws/signature.ts';
import type { SqlBackend } from '../../../src/local/aws/sql.ts';
import { cluster, temporaryFolder } from '../programs.ts';
import { postgresFor, startPrivatePostgres } from './private-postgres.ts';

const programs = postgresFor('Data API');

type Opened = { backend: SqlBackend; stop?: () => Promise<void> };
const backends: [string, () => Promise<Opened>][] = [
  [
    'PGlite',
    async () => ({
      backend: await openPglite(join(temporaryFolder(), 'warehouse', 'pgdata'), cluster),
    }),
  ],
];
if (programs) {
  backends.push([
    'PostgreSQL',
    async () => {
      const server = await startPrivatePostgres(programs);
      return { backend: openPostgres(server.connectionString), stop: server.stop };
    },
  ]);
}

describe.each(backends)('the Data API over %s', (_name, open) => {
  const errors: unknown[] = [];
  let opened: Opened;
  let server: Awaited<ReturnType<typeof startAwsServer>>;
  let client: RDSDataClient;

  beforeAll(async () => {
    opened = await open();
    const credentials = randomCredentials();
    const options = { credentials: [credentials], sql: opened.backend };
    server = await startAwsServer({ ...options, onError: (error) => errors.push(error) });
    client = new RDSDataClient({ endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1 });
    await execute(
      'create table bars (symbol text, date date, close numeric(18,6), volume bigint, primary key (symbol, date))',
    );
  });
  afterAll(async () => {
    client?.destroy();
    await server?.close();
    await opened?.backend.close();
    await opened?.stop?.();
    expect(errors).toEqual([]);
  });

  function execute(sql: string, parameters: SqlParameter[] = [], more: Partial<ExecuteStatementCommandInput> = {}) {
    return client.send(
      new ExecuteStatementCommand({ resourceArn: 'cluster', secretArn: 'secret', sql, parameters, ...more }),
    );
  }
  async function rows(sql: string, parameters: SqlParameter[] = [], resultSetOptions = {}) {
    const { formattedRecords } = await execute(sql, parameters, { formatRecordsAs: 'JSON', resultSetOptions });
    return JSON.parse(formattedRecords ?? 'null') as Record<string, unknown>[];
  }

  test('named parameters carry every kind of value', async () => {
    const parameters: SqlParameter[] = [
      { name: 's', value: { stringValue: "O'Neil :x $1" } },
      { name: 'l', value: { longValue: 42 } },
      { name: 'd', value: { doubleValue: 1.5 } },
      { name: 'b', value: { booleanValue: false } },
      { name: 'n', value: { isNull: true } },
      { name: 'blob', value: { blobValue: new Uint8Array([0, 255]) } },
      { name: 'date', value: { stringValue: '2025-11-19' }, typeHint: 'DATE' },
      { name: 'dec', value: { stringValue: '1.10' }, typeHint: 'DECIMAL' },
      { name: 'ts', value: { stringValue: '2025-11-19 21:00:00.123' }, typeHint: 'TIMESTAMP' },
      { name: 'time', value: { stringValue: '21:00:00' }, typeHint: 'TIME' },
      { name: 'j', value: { stringValue: '{"a":[1]}' }, typeHint: 'JSON' },
      { name: 'u', value: { stringValue: '870d421d-8ba2-4876-b655-a661cab88b01' }, typeHint: 'UUID' },
    ];
    const sql = `select :s::text as s, :l as l, :l + 1 as again, :d as d, :b as b, :n as n, :blob as blob, :date as date,
      :dec as dec, :ts as ts, :time as time, :j as j, :u as u, ':s' as quoted -- a comment`;
    expect(await rows(sql, parameters)).toEqual([
      {
        s: "O'Neil :x $1",
        l: 42,
        again: 43,
        d: 1.5,
        b: false,
        n: null,
        blob: 'AP8=',
        date: '2025-11-19',
        dec: '1.10',
        ts: '2025-11-19 21:00:00.123',
        time: '21:00:00',
        j: '{"a": [1]}',
        u: '870d421d-8ba2-4876-b655-a661cab88b01',
        quoted: ':s',
      },
    ]);
  });

  test('a comment that the Data API trips over is refused', async () => {
    for (const comment of ['-- :name', "-- it's", '/* ; */', '/* a /* "b" */ */']) {
      await expect(execute(`select 1 ${comment}`)).rejects.toMatchObject({ name: 'BadRequestException' });
    }
    expect(await rows('select 1 as a /* one */ -- all of it\n')).toEqual([{ a: 1 }]);
  });

  test('a string without a type hint is text, as on AWS, and not a date', async () => {
    const insert = "insert into bars values ('TYPE', :date, 1, 1)";
    const parameters: SqlParameter[] = [{ name: 'date', value: { stringValue: '2025-11-19' } }];
    await expect(execute(insert, parameters)).rejects.toMatchObject({
      name: 'DatabaseErrorException',
      message: expect.stringContaining('SQLState: 42804'),
    });
  });

  test('records come as a Field union with their column metadata', async () => {
    const sql = `select 7::int as i, 9007199254740993::bigint as big, 1.50::numeric as n, 0.1::float8 as f, true as t,
      null::text as nothing, '2025-11-19'::date as d, '2025-11-19 21:00:00+00'::timestamptz as tz, array['a',null,'b,"c'] as a`;
    const { records, columnMetadata, numberOfRecordsUpdated, formattedRecords } = await execute(sql, [], {
      includeResultMetadata: true,
    });
    expect(records).toEqual([
      [
        { longValue: 7 },
        { longValue: expect.anything() },
        { stringValue: '1.50' },
        { doubleValue: 0.1 },
        { booleanValue: true },
        { isNull: true },
        { stringValue: '2025-11-19' },
        { stringValue: '2025-11-19 21:00:00' },
        { arrayValue: { stringValues: ['a', null, 'b,"c'] } },
      ],
    ]);
    expect(columnMetadata?.map(({ name, typeName, type }) => [name, typeName, type])).toEqual([
      ['i', 'int4', 4],
      ['big', 'int8', -5],
      ['n', 'numeric', 2],
      ['f', 'float8', 8],
      ['t', 'bool', -7],
      ['nothing', 'text', 12],
      ['d', 'date', 91],
      ['tz', 'timestamptz', 93],
      ['a', '_text', 2003],
    ]);
    expect([numberOfRecordsUpdated, formattedRecords]).toEqual([0, undefined]);
    expect((await execute('select 1 as one')).columnMetadata).toBeUndefined();
  });

  test('decimals and longs follow resultSetOptions', async () => {
    const sql = 'select 1.50::numeric as price, 3::numeric as whole, 9007199254740993::bigint as big';
    expect(await rows(sql, [], { longReturnType: 'STRING' })).toEqual([
      { price: '1.50', whole: '3', big: '9007199254740993' },
    ]);
    const asNumbers = { decimalReturnType: 'DOUBLE_OR_LONG' as const, longReturnType: 'STRING' as const };
    expect(await rows(sql, [], asNumbers)).toEqual([{ price: 1.5, whole: 3, big: '9007199254740993' }]);
    const { formattedRecords } = await execute(sql, [], { formatRecordsAs: 'JSON' });
    expect(formattedRecords).toBe('[{"price":"1.50","whole":"3","big":9007199254740993}]');
  });

  test('a bulk upsert of 5,000 rows changes them once and then nothing', async () => {
    const upsert = `insert into bars select symbol, date, close, volume from jsonb_to_recordset(:rows)
        as x(symbol text, date date, close numeric, volume bigint)
      on conflict (symbol, date) do update set close = excluded.close, volume = excluded.volume
      where (bars.*) is distinct from (excluded.*)`;
    const bars = Array.from({ length: 5000 }, (_, i) => ({
      symbol: `S${i}`,
      date: '2025-11-19',
      close: `${i}.123456`,
      volume: String(i),
    }));
    const parameters: SqlParameter[] = [
      { name: 'rows', value: { stringValue: JSON.stringify(bars) }, typeHint: 'JSON' },
    ];
    expect((await execute(upsert, parameters)).numberOfRecordsUpdated).toBe(5000);
    expect((await execute(upsert, parameters)).numberOfRecordsUpdated).toBe(0);
    expect(await rows("select close from bars where symbol = 'S4321'")).toEqual([{ close: '4321.123456' }]);
    expect((await execute("delete from bars where symbol like 'S%'")).numberOfRecordsUpdated).toBe(5000);
  });

  test('one statement with CTEs writes and returns its counts', async () => {
    const sql = `with written as (insert into bars values ('CTE', '2025-11-19', 1, 1) on conflict do nothing returning 1)
      select count(*) as new from written`;
    expect(await rows(sql)).toEqual([{ new: 1 }]);
    expect(await rows(sql)).toEqual([{ new: 0 }]);
  });

  test('RETURNING gives records even when JSON is asked for', async () => {
    const sql = "insert into bars values ('RET', '2025-11-19', 1, 1) returning symbol";
    const answer = await execute(sql, [], { formatRecordsAs: 'JSON' });
    expect(answer.formattedRecords).toBeUndefined();
    expect(answer.records).toEqual([[{ stringValue: 'RET' }]]);
  });

  test.each([
    ['select * from nope', 'ERROR: relation "nope" does not exist; Position: 15; SQLState: 42P01'],
    ['selec 1', 'ERROR: syntax error at or near "selec"; Position: 1; SQLState: 42601'],
    ['select 1/0', 'ERROR: division by zero; SQLState: 22012'],
    [
      "insert into bars values ('A', null, 1, 1)",
      'ERROR: null value in column "date" of relation "bars" violates not-null constraint; SQLState: 23502',
    ],
  ])('%s fails with the SQLSTATE in the message', async (sql, message) => {
    await expect(execute(sql)).rejects.toMatchObject({ name: 'DatabaseErrorException', message });
    expect(await rows('select 1 as one')).toEqual([{ one: 1 }]);
  });

  test.each([
    ['select 1; select 2', 'ValidationException', "Multistatements aren't supported"],
    ['', 'ValidationException', 'sql: the statement is empty'],
    ['select :nobody', 'BadRequestException', 'Cannot find parameter: nobody'],
    ['begin', 'BadRequestException', 'BEGIN is bound to a session, and every statement of the Data API has its own'],
    [
      "select interval '1 day'",
      'UnsupportedResultException',
      'The result contains the unsupported data type interval; cast it to text',
    ],
    ["select 'infinity'::date", 'UnsupportedResultException', 'The result contains an infinite date; cast it to text'],
    [
      "select repeat('x', 65537)",
      'UnsupportedResultException',
      'The result contains a row that exceeds the size limit 64 KB',
    ],
  ])('%s is refused', async (sql, name, message) => {
    await expect(execute(sql)).rejects.toMatchObject({ name, message });
  });

  test('a semicolon inside quotes or after the last statement is not a second statement', async () => {
    expect(await rows("select ';' as a, $$;$$ as b; -- end\n")).toEqual([{ a: ';', b: ';' }]);
  });

  test('a result over 1 MiB is refused in both formats', async () => {
    const sql = "select repeat('x', 1000) as text from generate_series(1, 1100)";
    const refusal = { name: 'UnsupportedResultException', message: 'The result exceeds the size limit 1 MB' };
    await expect(execute(sql)).rejects.toMatchObject(refusal);
    await expect(execute(sql, [], { formatRecordsAs: 'JSON' })).rejects.toMatchObject(refusal);
    expect(await rows("select repeat('x', 1000) as text from generate_series(1, 900)")).toHaveLength(900);
  });

  test('a request over 4 MiB is refused', async () => {
    const parameters: SqlParameter[] = [{ name: 'x', value: { stringValue: 'x'.repeat(4 * 1024 * 1024) } }];
    await expect(execute('select length(:x)', parameters)).rejects.toMatchObject({
      name: 'RequestEntityTooLargeException',
      $metadata: { httpStatusCode: 413 },
    });
  });

  const CLUSTER = { resourceArn: 'cluster', secretArn: 'secret' };
  const begin = async () => (await client.send(new BeginTransactionCommand(CLUSTER))).transactionId!;

  test('a transaction that is committed stays, one that is rolled back has never been', async () => {
    await execute('create table notes (n int)');
    const kept = await begin();
    await execute('insert into notes values (1)', [], { transactionId: kept });
    await execute('insert into notes values (2)', [], { transactionId: kept });
    expect(await client.send(new CommitTransactionCommand({ ...CLUSTER, transactionId: kept }))).toMatchObject({
      transactionStatus: 'Transaction Committed',
    });
    const dropped = await begin();
    await execute('delete from notes', [], { transactionId: dropped });
    // On PGlite it waits for the end of the transaction, on PostgreSQL it has a connection of its own.
    const beside = rows('select count(*) from notes');
    expect(await client.send(new RollbackTransactionCommand({ ...CLUSTER, transactionId: dropped }))).toMatchObject({
      transactionStatus: 'Rollback Complete',
    });
    expect(await beside).toEqual([{ count: 2 }]);
  });

  test('a commit after a failed statement says that it was rolled back', async () => {
    const transactionId = await begin();
    await expect(execute('select 1/0', [], { transactionId })).rejects.toMatchObject({
      name: 'DatabaseErrorException',
    });
    await expect(client.send(new CommitTransactionCommand({ ...CLUSTER, transactionId }))).rejects.toMatchObject({
      name: 'BadRequestException',
    });
  });

  test('a transaction that has ended or never began is not found', async () => {
    const transactionId = await begin();
    await client.send(new RollbackTransactionCommand({ ...CLUSTER, transactionId }));
    const refusal = { name: 'TransactionNotFoundException', $metadata: { httpStatusCode: 404 } };
    for (const id of [transactionId, 'never']) {
      await expect(execute('select 1', [], { transactionId: id })).rejects.toMatchObject(refusal);
      const [commit, rollback] = [CommitTransactionCommand, RollbackTransactionCommand];
      await expect(client.send(new commit({ ...CLUSTER, transactionId: id }))).rejects.toMatchObject(refusal);
      await expect(client.send(new rollback({ ...CLUSTER, transactionId: id }))).rejects.toMatchObject(refusal);
    }
  });

  test('a statement cannot end its transaction, and nothing of its session is left to others', async () => {
    const transactionId = await begin();
    for (const sql of ['commit', 'rollback', 'prepare transaction $$x$$', '-- a comment\rcommit -- \nselect 1']) {
      await expect(execute(sql, [], { transactionId })).rejects.toMatchObject({ name: 'BadRequestException' });
    }
    await execute("set work_mem = '1MB'", [], { transactionId });
    await execute('create temp table bars (n int) on commit preserve rows', [], { transactionId });
    await client.send(new CommitTransactionCommand({ ...CLUSTER, transactionId }));
    expect(
      await rows("select current_setting('work_mem') <> '1MB' as reset, to_regclass('pg_temp.bars') as t"),
    ).toEqual([{ reset: true, t: null }]);
  });

  test('columns of the same name are refused as JSON and fine as records', async () => {
    const sql = 'select 1 as a, 2 as a';
    await expect(rows(sql)).rejects.toMatchObject({ name: 'BadRequestException' });
    expect((await execute(sql)).records).toEqual([[{ longValue: 1 }, { longValue: 2 }]]);
  });

  test('statements sent at once run one after another', async () => {
    await execute('create table counter (n int)');
    await execute('insert into counter values (0)');
    await Promise.all(Array.from({ length: 50 }, () => execute('update counter set n = (select n from counter) + 1')));
    expect(await rows('select n from counter')).toEqual([{ n: 50 }]);
  });
});

test('a PostgreSQL that is not there is DatabaseUnavailable', async () => {
  const backend = openPostgres('postgres://nobody@127.0.0.1:9/none');
  const credentials = randomCredentials();
  const server = await startAwsServer({ credentials: [credentials], sql: backend, onError: () => undefined });
  const client = new RDSDataClient({ endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1 });
  const command = new ExecuteStatementCommand({ resourceArn: 'cluster', secretArn: 'secret', sql: 'select 1' });
  await expect(client.send(command)).rejects.toMatchObject({ name: 'DatabaseUnavailableException' });
  client.destroy();
  await server.close();
  await backend.close();
});
