import type { Logger } from '@aws-lambda-powertools/logger';
import type { Metrics } from '@aws-lambda-powertools/metrics';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { RDSDataClient, type RDSDataClientConfig } from '@aws-sdk/client-rds-data';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Config } from './config.ts';
import { NamedError } from './errors.ts';
import type { Lake } from './lake/lake.ts';
import { openLake } from './lake/open-lake.ts';
import { openTables, Runs } from './tables/runs.ts';
import { openWarehouse, type Warehouse } from './warehouse/client.ts';

/** The three stores of the product, as every function gets them; tests hand in fakes of the same shape. */
export interface Stores {
  config: Config;
  lake: Lake;
  tables: DynamoDBDocumentClient;
  runs: Runs;
  warehouse: Warehouse;
}

/**
 * @param own clients for a process that has no AWS environment of its own
 * @throws Config.Invalid when LAKE_URI or the database is not configured.
 */
export function openStores(config: Config, own: { tables?: DynamoDBClient; aws?: RDSDataClientConfig } = {}): Stores {
  if (!config.LAKE_URI) {
    throw new NamedError('Config.Invalid', { what: 'LAKE_URI is not set', wanted: 'file:///… or s3://…' });
  }
  const tables = openTables(own.tables);
  return {
    config,
    lake: openLake(config.LAKE_URI, { durable: config.LAKE_FSYNC === 'on' }),
    tables,
    runs: new Runs(tables, config.RUNS_TABLE),
    warehouse: openWarehouse(config, new RDSDataClient(own.aws ?? {})),
  };
}
export interface Call extends Stores {
  log: Logger;
  metrics: Metrics;
  /** Aborted shortly before the function's deadline. */
  signal: AbortSignal;
  remainingMs: () => number;
  /** The vendor secrets asked for, parsed; undefined when none is configured. */
  secrets: Record<string, Record<string, string> | undefined>;
}
