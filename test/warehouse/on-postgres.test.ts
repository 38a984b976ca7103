import pg from 'pg';
import { afterAll, beforeAll, describe } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { warehouseBackend } from '../../src/local/aws/pglite.ts';
import { postgresFor, startPrivatePostgres } from '../local/aws/private-postgres.ts';
import { openWarehousesBy } from './local-warehouse.ts';

/** What the warehouse promises on the embedded PostgreSQL it promises on a server of one's own, too. */
const PROMISES = ['warehouse', 'reference', 'enrichment', 'ledger-questions', 'paged'];

const programs = postgresFor('the warehouse');
let server: Awaited<ReturnType<typeof startPrivatePostgres>>;
let databases = 0;

/** A database of its own, reached as one names it: by DATABASE_URL. */
openWarehousesBy(async () => {
  const name = `warehouse_${++databases}`;
  const client = new pg.Client({ connectionString: server.connectionString });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  const config = loadConfig({ DATABASE_URL: server.connectionString.replace(/\/[^/]*$/, `/${name}`) });
  return warehouseBackend(config, '', { cluster: '', local: (program) => program });
});

describe.runIf(programs)('on a real PostgreSQL', async () => {
  beforeAll(async () => {
    server = await startPrivatePostgres(programs!);
  });
  afterAll(() => server?.stop());
  for (const name of PROMISES) describe(name, () => import(`./${name}.test.ts`));
});
