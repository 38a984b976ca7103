import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import { isNamed } from '../errors.ts';
import { ACCOUNT, REGION } from '../local/aws/account.ts';
import { startAwsServer } from '../local/aws/server.ts';
import { warehouseBackend } from '../local/aws/warehouse-backend.ts';
import { openHome, readHome } from '../local/home.ts';
import { openWarehouse, type Warehouse } from '../warehouse/client.ts';
import type { Context } from './context.ts';
import type { Terminal } from './terminal.ts';

const WAKING_TRIES = 15;
const WAKING_MS = 4000;

/**
 * The warehouse for a reader: over the endpoints of the process that owns the home, or opened for the moment.
 * Undefined when the home has no warehouse yet.
 */
export async function withWarehouse<T>(
  { config, program, stage, terminal }: Context,
  work: (warehouse: Warehouse) => Promise<T>,
): Promise<T | undefined> {
  if (stage) return work(awake(stage.stores.warehouse, terminal));
  const owner = await readHome(config.AFTERBELL_HOME);
  if (owner?.endpoints.aws) return work(client(owner.endpoints.aws, config));
  if (!config.DATABASE_URL && !existsSync(join(config.AFTERBELL_HOME, 'warehouse', 'pgdata'))) return undefined;
  const home = await openHome(config.AFTERBELL_HOME, { mode: 'write' });
  const sql = warehouseBackend(config, home.folders.warehouse, program.cluster);
  const aws = await startAwsServer({ sql, onError: () => {} });
  try {
    return await work(client(aws.url, config));
  } finally {
    await aws.close();
    await sql.close();
    await home.close();
  }
}

/** A cluster that has paused answers its first callers with an error and takes about half a minute to wake up. */
function awake(warehouse: Warehouse, terminal: Pick<Terminal, 'note'>): Warehouse {
  let tries = WAKING_TRIES;
  return {
    async query(sql, values) {
      for (;;) {
        try {
          return await warehouse.query(sql, values);
        } catch (error) {
          if (!isNamed(error, 'Database.Resuming') || tries === 0) throw error;
          if (tries === WAKING_TRIES) terminal.note('The warehouse is waking up …');
          tries -= 1;
          await pause(WAKING_MS);
        }
      }
    },
  };
}

function client(endpoint: string, config: Context['config']): Warehouse {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const cluster = {
    DATABASE_CLUSTER_ARN: `arn:aws:rds:${REGION}:${ACCOUNT}:cluster:afterbell-local`,
    DATABASE_SECRET_ARN: `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:afterbell-local-database`,
  };
  return openWarehouse({ ...config, ...cluster }, new RDSDataClient({ endpoint, region: REGION, credentials }));
}
