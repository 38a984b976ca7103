import { join } from 'node:path';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import { loadConfig } from '../../src/config.ts';
import { openPglite } from '../../src/local/aws/pglite.ts';
import { startAwsServer } from '../../src/local/aws/server.ts';
import { randomCredentials } from '../../src/local/aws/signature.ts';
import type { SqlBackend } from '../../src/local/aws/sql.ts';
import { openWarehouse, type SqlValue, type Warehouse } from '../../src/warehouse/client.ts';
import { cluster, temporaryFolder } from '../local/programs.ts';

export interface LocalWarehouse extends Warehouse {
  /** Statements sent so far, with their values. */
  sent: { sql: string; values: Record<string, SqlValue> }[];
  close(): Promise<void>;
}

type OpenBackend = () => Promise<SqlBackend> | SqlBackend;
const embedded: OpenBackend = () => openPglite(join(temporaryFolder(), 'warehouse', 'pgdata'), cluster);
let openBackend = embedded;

/** From now on warehouses are opened on something else than the embedded PostgreSQL. */
export function openWarehousesBy(open: OpenBackend): void {
  openBackend = open;
}

/** An empty PostgreSQL behind the real Data API endpoint and the product's own client; opened once a file. */
export async function openLocalWarehouse(): Promise<LocalWarehouse> {
  const backend = await openBackend();
  const errors: unknown[] = [];
  const credentials = randomCredentials();
  const options = { credentials: [credentials], sql: backend };
  const server = await startAwsServer({ ...options, onError: (error) => errors.push(error) });
  const client = new RDSDataClient({ endpoint: server.url, region: 'us-east-1', credentials });
  const config = loadConfig({ DATABASE_CLUSTER_ARN: 'cluster', DATABASE_SECRET_ARN: 'secret' });
  const warehouse = openWarehouse(config, client);
  const sent: LocalWarehouse['sent'] = [];
  return {
    sent,
    query(sql, values = {}) {
      sent.push({ sql, values });
      return warehouse.query(sql, values);
    },
    read: (sql) => warehouse.read(sql),
    async close() {
      client.destroy();
      await server.close();
      await backend.close();
      if (errors.length > 0) throw errors[0];
    },
  };
}
