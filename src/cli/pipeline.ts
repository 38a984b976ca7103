import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import { untilStopped } from '../concurrency.ts';
import type { Stage } from '../deployed/stage.ts';
import { isNamed, NamedError } from '../errors.ts';
import { ACCOUNT, clientOptions, REGION } from '../local/aws/environment.ts';
import { warehouseBackend } from '../local/aws/pglite.ts';
import { startAwsServer } from '../local/aws/server.ts';
import type { Notification } from '../local/aws/services.ts';
import { randomCredentials } from '../local/aws/signature.ts';
import { accessDatabases, type Endpoint, READER_WAITS_MS, readHome } from '../local/home.ts';
import { type Laptop, openLaptop } from '../local/laptop.ts';
import { openWarehouse, type Warehouse } from '../warehouse/client.ts';
import type { Context } from './context.ts';
import { type Briefs, keepBrief, notifiedLines } from './progress.ts';
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
  { config, program, terminal, stage, signal }: Context,
  options: LaptopNeeds,
  work: (laptop: Laptop) => Promise<T>,
): Promise<T> {
  if (stage) throw localOnly('this');
  const briefs: Briefs = new Map();
  const onNotify = (notification: Notification) => {
    if (!terminal.json) terminal.note(notifiedLines(notification, briefs));
  };
  const laptop = await openLaptop({ config, program, onNotify, onWait: terminal.note, signal, ...options });
  try {
    return await work({
      ...laptop,
      run: (input, { onEvent, ...options }) => {
        const noted: typeof onEvent = (event) => {
          keepBrief(briefs, event);
          onEvent?.(event);
        };
        return laptop.run(input, { ...options, onEvent: noted });
      },
    });
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

/** A database of a home on loopback, opened for a moment. */
export interface Served extends Endpoint {
  close(): Promise<void>;
}

/** How often a reader begins again because the owner it read from has ended; each time it may meet the next one. */
const REREADS = 5;

/**
 * Reads a database of a home: over the endpoint of the process that owns it, or opened for the moment. When that
 * process ends meanwhile, `work` is done once more from its beginning, so it only reads.
 * @throws Home.Busy, Home.Unwritable
 */
export async function readDatabase<T>(
  { config, terminal, signal }: Pick<Context, 'config' | 'terminal' | 'signal'>,
  { endpoint, open }: { endpoint: 'aws' | 'dynamodb'; open: () => Promise<Served> },
  work: (database: Endpoint) => Promise<T>,
): Promise<T> {
  const home = config.AFTERBELL_HOME;
  const waiting = { waitMs: READER_WAITS_MS, onWait: terminal.note, signal };
  for (let rereads = REREADS; ; rereads -= 1) {
    const access = await accessDatabases(home, endpoint, waiting);
    if ('lock' in access) {
      try {
        return await whileServed(open, work);
      } finally {
        access.lock.release();
      }
    }
    try {
      return await work(access);
    } catch (error) {
      const isServed = (await readHome(home))?.endpoints[endpoint] === access.url;
      if (isServed || rereads === 0) throw error;
    }
  }
}

async function whileServed<T>(open: () => Promise<Served>, work: (database: Endpoint) => Promise<T>): Promise<T> {
  const served = await open();
  try {
    return await work(served);
  } finally {
    await served.close();
  }
}

/** The warehouse for a reader; undefined when the home has none yet. */
export async function withWarehouse<T>(
  context: Context,
  work: (warehouse: Warehouse) => Promise<T>,
): Promise<T | undefined> {
  const { config, program, stage, terminal, signal } = context;
  if (stage) return untilStopped(work(awake(stage.stores.warehouse, terminal)), signal);
  const home = resolve(config.AFTERBELL_HOME);
  const open = async (): Promise<Served> => {
    const sql = warehouseBackend(config, join(home, 'warehouse'), program, signal);
    const credentials = randomCredentials();
    const aws = await startAwsServer({ credentials: [credentials], sql, onError: () => {} });
    const close = async () => {
      await aws.close();
      await sql.close();
    };
    return { url: aws.url, credentials, close };
  };
  const ask = (database: Endpoint) => untilStopped(work(client(database, config)), signal);
  // A server lets in as many as come.
  if (config.DATABASE_URL) return whileServed(open, ask);
  if (!existsSync(join(home, 'warehouse', 'pgdata'))) return undefined;
  return readDatabase(context, { endpoint: 'aws', open }, ask);
}

/** A cluster that has paused answers its first callers with an error and takes about half a minute to wake up. */
function awake(warehouse: Warehouse, terminal: Pick<Terminal, 'note'>): Warehouse {
  let tries = WAKING_TRIES;
  const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isNamed(error, 'Database.Resuming') || tries === 0) throw error;
        if (tries === WAKING_TRIES) terminal.note('The warehouse is waking up …');
        tries -= 1;
        await pause(WAKING_MS);
      }
    }
  };
  return {
    query: (sql, values) => patiently(() => warehouse.query(sql, values)),
    read: (sql) => patiently(() => warehouse.read(sql)),
  };
}

function client({ url, credentials }: Endpoint, config: Context['config']): Warehouse {
  const cluster = {
    DATABASE_CLUSTER_ARN: `arn:aws:rds:${REGION}:${ACCOUNT}:cluster:afterbell-local`,
    DATABASE_SECRET_ARN: `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:afterbell-local-database`,
  };
  return openWarehouse({ ...config, ...cluster }, new RDSDataClient(clientOptions(url, credentials)));
}
