import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HOLDINGS_PATH } from '../../src/local/market/ishares.ts';
import { openMarket } from '../../src/local/market/open-market.ts';
import { Cloud, type Ended } from './cloud.ts';
import { faultsOf, isPassing, type PlannedFault } from './faults.ts';
import { Folder, type FolderContent } from './files.ts';
import { LakeReader, shelfOf } from './lake-reader.ts';
import { Market } from './market.ts';
import { Oracle } from './oracle.ts';
import { checkOldLists, checkReport, listVersions } from './oracle-reports.ts';
import type { Program } from './process.ts';
import { Random } from './random.ts';
import type { Past } from './script.ts';
import { lastClosed, morningAfter, SESSIONS } from './sessions.ts';
import { BUCKET, type Content, openStores, type Warehouse } from './stores.ts';
import type { MarketEvent } from './stories.ts';
import type { Wires } from './wires.ts';
import { type Owner, World } from './world.ts';

/** What is used again by one world after the other. */
export interface Means {
  /** Folder of the checkout under test; the current one without it. */
  root?: string;
  program: Program;
  warehouse: Warehouse;
}

export interface Outcome {
  seed: number;
  problems: string[];
  log: string[];
  executions: number;
  effects: number;
  /** How often each kind of fault happened. */
  faults: Record<string, number>;
}

/** What the oracle was told, in order. */
type Heard = (oracle: Oracle) => unknown;

/** How a past left the world. */
export interface Before {
  /** Epoch ms. */
  wall: number;
  elapsed: number;
  content: Content;
  folder: FolderContent | undefined;
  lake: LakeReader;
  heard: readonly Heard[];
}

interface SceneOptions extends Means {
  past: Past;
  random: Random;
  /** Besides those of the past. */
  settings: Record<string, string>;
  /** Every call goes through the AWS SDK's own middleware. */
  wholeSdk: boolean;
  before?: Before;
  market?: readonly MarketEvent[] | undefined;
  hasFmp?: boolean;
}

/** Of this process: the memory of the machine as a file system, where it has one. */
const memoryFolder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'afterbell-simulated-'));
process.on('exit', () => rmSync(memoryFolder, { recursive: true, force: true }));
/** Sessions that are drawn beyond the first night's. */
const AHEAD = 30;

/** A world with all that is in it: stores, market, account and oracle. */
export class Scene {
  readonly heard: Heard[] = [];
  readonly outcome: Omit<Outcome, 'seed'>;
  /** The owner has published what the gates had refused. */
  released = false;
  /** A file of the lake is, by our doing. */
  damaged = false;
  /** The last execution was a good night. */
  isClean = false;
  /** What went wrong in the last execution. */
  #happened: string[] = [];
  /** Milliseconds by which our clocks are ahead of the world's. */
  #ahead = 0;
  /** The market has lost half of every session but the newest. */
  #halvesOlder = false;

  private constructor(
    readonly world: World,
    readonly source: Market,
    readonly market: ReturnType<typeof openMarket>,
    readonly stores: Awaited<ReturnType<typeof openStores>>,
    readonly folder: Folder | undefined,
    readonly lake: LakeReader,
    readonly oracle: Oracle,
    readonly cloud: Cloud,
    /** Without those that a script has. */
    readonly usual: Record<string, string>,
  ) {
    this.outcome = { problems: [], log: world.log, executions: 0, effects: 0, faults: {} };
  }

  static async open({ past, random, before, program, warehouse, ...options }: SceneOptions): Promise<Scene> {
    const { first, history, symbols } = past;
    const sessions = SESSIONS.slice(first - history, first + AHEAD);
    const world = new World(morningAfter(SESSIONS[first - 1]!), random.of('order'));
    if (before) {
      world.wall = before.wall;
      world.elapsed = before.elapsed;
    }
    const now = () => scene.realTime();
    const drawn = { sessions, history, symbols };
    const pastMarket = new Random(`market of past ${past.seed}`);
    const source = new Market(pastMarket, random.of('market'), drawn, now, options.market);
    const stores = await openStores(warehouse, before?.content);
    const folder = past.store === 'files' ? new Folder(`${memoryFolder}/lake`, before?.folder) : undefined;
    const place = folder && { LAKE_URI: pathToFileURL(folder.root).href };
    const lake = new LakeReader(folder ?? shelfOf(stores.s3, BUCKET), before?.lake);
    const oracle = new Oracle(lake, stores);
    for (const tell of before?.heard ?? []) await tell(oracle);
    const fmp = options.hasFmp && { FMP_SECRET_ARN: secret('fmp'), VALUATION_UNIVERSE: 'all' };
    const usual = { ...SETTINGS, ...past.settings, ...place, ...fmp };
    // Lists of several pages: a vendor gives no more rows at once than it likes.
    const page = random.of('page').weighted({ 1000: 2, 12: 1 });
    const cloud = new Cloud({
      root: options.root ?? process.cwd(),
      ...{ world, random: random.of('cloud'), program, stores, folder, wholeSdk: options.wholeSdk },
      fetch: (owner, url, init) => scene.#fetch(owner, url, init, page),
      settings: { ...usual, ...options.settings },
      secrets: SECRETS,
      oldCalendar: past.oldCalendar,
    });
    const scene: Scene = new Scene(
      world,
      source,
      openMarket({ source, now }),
      stores,
      folder,
      lake,
      oracle,
      cloud,
      usual,
    );
    return scene;
  }

  /** The world's, which no clock of ours that is ahead touches. */
  realTime(): Date {
    return new Date(this.world.wall - this.#ahead);
  }

  /** Tells the oracle, and the oracles of whoever has the same past. */
  #tell<T>(telling: (oracle: Oracle) => T): T {
    this.heard.push(telling);
    return telling(this.oracle);
  }

  #fetch(owner: Owner, url: string, init: RequestInit, page: string): ReturnType<Wires['fetch']> {
    const { world, market } = this;
    const target = url.replace(/^https?:\/\/[^/]+/, '').replace(/limit=\d+/, `limit=${page}`);
    return world.effect(owner, `vendor ${target}`, async () => {
      const { elapsed } = world;
      this.#tell((oracle) => oracle.ask(url, elapsed));
      const headers = Object.fromEntries(new Headers(init.headers));
      const { answer, active } = await market.answer({ method: 'GET', target, headers, readBody: async () => '' });
      const isOlder = target.includes('/grouped/') && !target.includes(lastClosed(this.realTime().getTime()));
      const json = this.#halvesOlder && isOlder ? halved(answer.json) : answer.json;
      const whole = json === undefined ? (answer.text ?? '') : JSON.stringify(json);
      const body = active.has('truncated-json') ? whole.slice(0, Math.floor(whole.length / 2)) : whole;
      const { wall } = world;
      this.#tell((oracle) => oracle.hear(target, answer.status, body, wall));
      return new Response(body, {
        status: answer.status,
        headers: { 'content-type': answer.type ?? 'application/json', ...answer.headers },
      });
    });
  }

  /** One execution, with what goes wrong in it, and what the oracle says of it. */
  async execute(
    name: string,
    input: object,
    faults: readonly PlannedFault[],
    misbehave: readonly string[],
  ): Promise<Ended> {
    const { world, lake, outcome } = this;
    const current = lastClosed(world.wall);
    const isToBeHad = (await this.source.bars(current)).length > 0;
    const lists = listVersions(lake);
    const stop = this.begin(name, input, faults, misbehave);
    const wholeBefore = this.isClean;
    const ended = await world.run(this.cloud.run(input, name, stop.signal));
    this.end();
    await this.judge(name, ended, { faults: faults.length, misbehave, wholeBefore, input });
    if (name.endsWith('night')) outcome.problems.push(...checkOldLists(lake, lists, current));
    const isFailed = name === 'night' && ended.error === 'Night.Failed' && !this.damaged && isToBeHad;
    if (isFailed && isPassing(this.#happened, misbehave))
      outcome.problems.push('the night ended Failed, and trying again would have been enough');
    return ended;
  }

  /** From here on goes wrong what is planned. */
  begin(name: string, input: object, faults: readonly PlannedFault[], misbehave: readonly string[]): AbortController {
    const { world, cloud, outcome, market } = this;
    const stop = new AbortController();
    this.#happened = [];
    this.#halvesOlder = misbehave.includes(OLDER_HALVES);
    market.misbehave(misbehave.filter((rule) => rule !== OLDER_HALVES));
    const deaths = {
      functions: () => cloud.crashFunctions(),
      jobs: () => cloud.crashJobs(),
      execution: () => stop.abort(new Error('stopped')),
    };
    world.fault = faultsOf(faults, world, deaths, (how) => {
      this.#happened.push(how);
      outcome.faults[how] = (outcome.faults[how] ?? 0) + 1;
    });
    outcome.executions += 1;
    world.say(`— ${name} ${JSON.stringify(input)} ${JSON.stringify({ misbehave, faults })}`);
    const { wall } = world;
    this.#tell((oracle) => oracle.begin(wall));
    for (const { how, ms = 0 } of faults) if (how === 'clock-ahead') this.#ahead += ms;
    world.wall += this.#ahead;
    return stop;
  }

  /** Nothing goes wrong any more, and a clock that was ahead is put right. */
  end(): void {
    this.world.fault = () => undefined;
    this.world.wall -= this.#ahead;
    this.#ahead = 0;
  }

  /** What the oracle says of an execution that has ended. */
  async judge(
    kind: string,
    ended: Ended,
    {
      faults,
      misbehave = [],
      wholeBefore = false,
      input = {},
    }: { faults: number; misbehave?: readonly string[]; wholeBefore?: boolean; input?: object },
  ): Promise<void> {
    const { world, cloud, outcome, damaged } = this;
    const disturbed = faults > 0 || misbehave.length > 0 || damaged;
    const output = ended.output as { status?: string; session?: string } | undefined;
    const status = output?.status ?? /^Night\.(Held|Failed)$/.exec(ended.error ?? '')?.[1];
    world.say(`— ${ended.status} ${status ?? ''} ${ended.error ?? ''} ${(ended.cause ?? '').slice(0, 500)}`);
    const found = {
      kind,
      runId: ended.runId,
      settings: cloud.settings,
      status,
      session: output?.session,
      exitCode: status ? cloud.control.code.exitCodeOf(status as 'Failed') : undefined,
      notifications: ended.notifications.length,
      disturbed,
      misbehave: faults > 0 || damaged ? undefined : misbehave,
      wholeBefore,
      task: (input as { task?: string }).task,
      oldCalendar: cloud.isOlder,
      released: this.released || kind === 'release',
    };
    outcome.problems.push(
      ...(await this.#tell((oracle) => oracle.check(found))),
      ...checkReport(this.lake, ended.runId),
    );
    this.isClean = status === 'Succeeded' && kind === 'night' && !disturbed;
  }
}

/** Beside the names of `--misbehave`, which know nothing of a night's own session. */
const OLDER_HALVES = 'half-missing@grouped/older';

function halved(json: unknown): unknown {
  const { results = [], ...rest } = json as { results?: unknown[] };
  const kept = results.filter((_, place) => place % 2 === 0);
  return { ...rest, resultsCount: kept.length, results: kept };
}

const secret = (name: string) => `arn:aws:secretsmanager:us-east-1:000000000000:secret:sim-${name}`;
const SETTINGS: Record<string, string> = {
  POLYGON_SECRET_ARN: secret('polygon'),
  ALPACA_SECRET_ARN: secret('alpaca'),
  POLYGON_BASE_URL: 'https://polygon.test',
  ALPACA_BASE_URL: 'https://alpaca.test',
  FMP_BASE_URL: 'https://fmp.test',
  INDEX_MEMBERS_URI: `https://ishares.test${HOLDINGS_PATH}`,
};
const SECRETS = {
  [secret('polygon')]: '{"apiKey":"key"}',
  [secret('alpaca')]: '{"keyId":"key","secretKey":"secret"}',
  [secret('fmp')]: '{"apiKey":"key"}',
};
