import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import type { Stage } from '../deployed/stage.ts';
import { isNamed, NamedError } from '../errors.ts';
import { ACCOUNT, REGION } from '../local/aws/environment.ts';
import { warehouseBackend } from '../local/aws/pglite.ts';
import { startAwsServer } from '../local/aws/server.ts';
import type { Notification } from '../local/aws/services.ts';
import { openHome, readHome } from '../local/home.ts';
import { type Laptop, openLaptop } from '../local/laptop.ts';
import { openWarehouse, type Warehouse } from '../warehouse/client.ts';
import type { Context } from './context.ts';
import { notifiedLines } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** What a command drives: this computer, or a deployed stage. Both run the same machines over the same stores. */
export type Pipeline = Pick<Laptop, 'practice' | 'timeScale' | 'stores' | 'run' | 'settled'> & {
  /** How vendors are reached from here; a stage's keys stay there. */
  vendors?: Laptop['vendors'];
};

export interface LaptopNeeds {
  misbehave?: readonly string[];
  flatFiles?: string;
  realModel?: boolean;
}

/** Opens the pipeline the command line names for one piece of work and closes it whatever happens. */
export async function onPipeline<T>(
  context: Context,
  needs: LaptopNeeds,
  work: (pipeline: Pipeline) => Promise<T>,
): Promise<T> {
  if (context.stage) return work(driven(context.stage, context));
  return onLaptop(context, needs, work);
}

/** Opens the laptop for one piece of work and closes it whatever happens. */
export async function onLaptop<T>(
  { config, program, terminal, stage }: Context,
  options: LaptopNeeds,
  work: (laptop: Laptop) => Promise<T>,
): Promise<T> {
  if (stage) throw localOnly('this');
  const onNotify = (notification: Notification) => {
    if (!terminal.json) terminal.note(notifiedLines(notification));
  };
  const laptop = await openLaptop({ config, program, onNotify, ...options });
  try {
    return await work(laptop);
  } finally {
    await laptop.close();
  }
}

/** Why a command, or an option of one, does nothing with --stage. */
export function localOnly(what: string, why = 'it belongs to a home on this computer'): NamedError {
  return new NamedError('Usage.Invalid', { what: `${what} does not work with --stage`, found: why });
}

function driven(stage: Stage, { terminal }: Context): Pipeline {
  return {
    practice: false,
    timeScale: 1,
    stores: stage.stores,
    run: (input, { machine = 'nightly', ...options }) => {
      const onStarted = ({ console }: { console: string }) => terminal.note(`  ${console}`);
      return stage.run(machine, input, { ...options, onStarted });
    },
    // What an event starts over there is followed there.
    settled: async () => [],
  };
}

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
