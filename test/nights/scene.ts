import { randomUUID } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { exitCodeOf, type Outcome, outcomeOf } from '../../src/cli/outcome.ts';
import { loadConfig } from '../../src/config.ts';
import { type Laptop, type LaptopOptions, openLaptop } from '../../src/local/laptop.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import type { MarketSource } from '../../src/local/market/source.ts';
import { type PracticeMarket, startMarket } from '../../src/local/market/start-market.ts';
import type { ExecutionEvent } from '../../src/local/states/events.ts';
import type { NightKind } from '../../src/records/run.ts';
import { afterThisTest, removeAfterTests } from '../cleanup.ts';
import { homesFolder } from '../homes.ts';
import { buildCache, ownProcesses, program } from './program.ts';

/** The last of the sessions every warm home holds, and the one the tests' nights are about. */
export const HELD = { first: '2025-11-07', last: '2025-11-18', count: 8 };
export const SESSION = '2025-11-19';
/** Four in the morning after SESSION in New York. */
export const MORNING = { scheduledTime: '2025-11-20T09:00:00Z' };
/** For commands that are asked about that morning. */
export const THAT_MORNING = { AFTERBELL_NOW: '2025-11-20T13:00:00Z' };
export const SYMBOLS = 60;
const OLD_MS = 30 * 60_000;

/** A folder that is removed after the file's tests. */
export function scratch(): string {
  const folder = mkdtempSync(join(homesFolder(), 'afterbell-night-'));
  removeAfterTests(folder);
  return folder;
}

export interface Night {
  outcome: Outcome;
  exitCode: number;
  runId: string;
  events: ExecutionEvent[];
  /** What the vendors were asked during this execution: path and query. */
  asked: string[];
  /** The execution's own end: SUCCEEDED, FAILED, ABORTED. */
  execution: { status: string; error?: string; cause?: string };
}

export interface RunNight {
  kind?: NightKind;
  session?: string;
  signal?: AbortSignal;
  onEvent?: (event: ExecutionEvent) => void;
}

/** One home on one laptop, with a practice market whose requests are counted. */
export interface Scene {
  home: string;
  laptop: Laptop;
  market: PracticeMarket;
  run(input: object, options?: RunNight): Promise<Night>;
  /** Gives the home up, so that a command line may have it; the market goes on. */
  close(): Promise<void>;
}

export interface SceneOptions {
  /** Copied from a warm home unless given. */
  home?: string;
  source?: MarketSource;
  misbehave?: readonly string[];
  /** What the market takes for now; the first of December by default. */
  marketNow?: string;
  env?: Record<string, string | undefined>;
  timeScale?: number;
  onNotify?: LaptopOptions['onNotify'];
  /** When an execution starts, for what depends on the day a list is fetched. */
  now?: LaptopOptions['now'];
  /** Functions and jobs in processes that nobody had before, each job in one of its own, as users have them. */
  ownProcesses?: boolean;
}

/** @param options.env settings over the defaults; undefined takes one away */
export async function openScene(options: SceneOptions = {}): Promise<Scene> {
  const home = options.home ?? (await warmHome());
  const market = await openMarket(options);
  return openOn(home, market, options);
}

/** A generated market whose answer for a session of `limits` has that many rows at most; entries may come and go. */
export function limitedMarket(limits: ReadonlyMap<string, number>): MarketSource {
  const whole = generateMarket({ symbols: SYMBOLS, seed: 1 });
  const bars = async (date: string) => (await whole.bars(date)).slice(0, limits.get(date));
  return { ...whole, bars };
}

/** A night whose process ends on entering a state. */
export async function killNight(scene: Scene, state: string, input: object, options: RunNight = {}): Promise<void> {
  const stop = new AbortController();
  const onEvent = (event: ExecutionEvent) => {
    if (event.type === 'StateEntered' && event.state === state) stop.abort();
  };
  const ended = await scene.run(input, { ...options, signal: stop.signal, onEvent }).catch((error: Error) => error);
  if ((ended as Error).name !== 'Job.Interrupted') throw new Error(`${state} was not reached`, { cause: ended });
}

/** The market outlives a scene's laptop, so that a second one may ask it. */
export async function openMarket({
  source,
  misbehave = [],
  marketNow = '2025-12-01T12:00:00Z',
}: SceneOptions): Promise<PracticeMarket> {
  const market = await startMarket({
    source: source ?? generateMarket({ symbols: SYMBOLS, seed: 1 }),
    misbehave,
    now: () => new Date(marketNow),
  });
  afterThisTest(() => market.close());
  return market;
}

export async function openOn(home: string, market: PracticeMarket, options: SceneOptions = {}): Promise<Scene> {
  const config = loadConfig({
    AFTERBELL_HOME: home,
    POLYGON_BASE_URL: market.url,
    POLYGON_API_KEY: 'x',
    ALPACA_BASE_URL: market.url,
    ALPACA_API_KEY_ID: 'x',
    ALPACA_API_SECRET_KEY: 'x',
    FMP_BASE_URL: market.url,
    FMP_API_KEY: 'x',
    HISTORY_SESSIONS: '0',
    // A page of seven charts instead of 140.
    REPORT_SYMBOLS: 'AAPL',
    ...options.env,
  });
  const { timeScale, onNotify, now } = options;
  const product = options.ownProcesses ? ownProcesses : program;
  const laptop = await openLaptop({ config, program: product, timeScale, onNotify, now });
  afterThisTest(() => laptop.close());
  return {
    home,
    laptop,
    market,
    close: () => laptop.close(),
    async run(input, { kind = 'night', session = SESSION, signal, onEvent } = {}) {
      const events: ExecutionEvent[] = [];
      const before = market.requests.length;
      const result = await laptop.run(input, {
        name: `${kind}-${session}`,
        signal,
        onEvent: (event) => {
          events.push(event);
          onEvent?.(event);
        },
      });
      const outcome = await outcomeOf(result, laptop.stores, { session, kind });
      const asked = market.requests.slice(before).map(({ path }) => path);
      const { status, error, cause } = result;
      return {
        outcome,
        exitCode: exitCodeOf(outcome.status),
        runId: result.runId,
        events,
        asked,
        execution: { status, error, cause },
      };
    },
  };
}

/** A copy of a home with HELD's sessions, consolidated and resampled; no reference list was ever synced. */
export async function warmHome(): Promise<string> {
  const { first: from, last: to } = HELD;
  return prepared('warm', async (home) => {
    const scene = await openOn(home, await openMarket({}));
    return { scene, night: await scene.run({ from, to }, { kind: 'backfill', session: to }) };
  });
}

/** The same after the good night of SESSION: every list is there, and fresh. */
export async function morningHome(): Promise<string> {
  return prepared('morning', async (home) => {
    cpSync(await warmHome(), home, { recursive: true, preserveTimestamps: true });
    const scene = await openOn(home, await openMarket({}));
    const night = await scene.run(MORNING);
    await scene.laptop.settled();
    return { scene, night };
  });
}

/** A copy of what was made once for all files and for every run of the same build: a database and a night take seconds. */
async function prepared(
  name: string,
  make: (home: string) => Promise<{ scene: Scene; night: Night }>,
): Promise<string> {
  const kept = `${buildCache()}-${name}`;
  if (!existsSync(kept)) {
    const making = `${kept}-${randomUUID()}`;
    const { scene, night } = await make(making);
    await scene.close();
    const { status, reasons } = night.outcome;
    if (status !== 'Succeeded') throw new Error(`the ${name} home failed: ${reasons.join('\n')}`);
    dropOld(dirname(kept));
    moveOnce(making, kept);
  }
  const home = join(scratch(), 'home');
  cpSync(kept, home, { recursive: true, preserveTimestamps: true });
  return home;
}

/** What other builds made, unless another test run may be using it at this moment. */
function dropOld(cache: string): void {
  const own = basename(buildCache());
  for (const path of readdirSync(cache).map((name) => join(cache, name))) {
    const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
    const isOld = Date.now() - made > OLD_MS;
    if (isOld && !basename(path).startsWith(own)) rmSync(path, { recursive: true, force: true });
  }
}

/** When another worker was faster, its result is as good. */
function moveOnce(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
    rmSync(from, { recursive: true, force: true });
  }
}

/** The lines of one of the home's logs, e.g. `notifications.jsonl`; none when it was never written. */
export function logLines(home: string, file: string): Record<string, unknown>[] {
  const path = join(home, 'logs', file);
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/**
 * Every file of the lake with its bytes and time of change, but for those every run writes, and the catalog: it names the
 * folder, which in a copied home is another one until a night has written it (catalog.test.ts looks at its bytes).
 */
export function lakeFiles(home: string): Map<string, string> {
  const lake = join(home, 'lake');
  const files = new Map<string, string>();
  for (const file of readdirSync(lake, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name);
    const key = relative(lake, path);
    if (/^(reports|catalog|processing_metadata\/jobs)\//.test(key)) continue;
    files.set(key, `${statSync(path).mtimeMs} ${readFileSync(path).toString('base64')}`);
  }
  return files;
}
