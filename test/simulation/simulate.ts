import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SqlBackend } from '../../src/local/aws/sql.ts';
import { HOLDINGS_PATH } from '../../src/local/market/ishares.ts';
import { openMarket } from '../../src/local/market/open-market.ts';
import { Cloud, type Ended } from './cloud.ts';
import { faultsOf, isPassing, type PlannedFault } from './faults.ts';
import { Folder } from './files.ts';
import { LakeReader, shelfOf } from './lake-reader.ts';
import { Market } from './market.ts';
import { Oracle } from './oracle.ts';
import { keyOf } from './oracle-bar.ts';
import { allBytes, changedBytes } from './oracle-bytes.ts';
import { checkOldLists, checkRelease, checkReport, listVersions } from './oracle-reports.ts';
import { twoNights, verifyStage } from './owner.ts';
import type { Program } from './process.ts';
import { Random } from './random.ts';
import type { Script, Step } from './script.ts';
import { hoursBehind, lastClosed, SESSIONS } from './sessions.ts';
import { BUCKET, openStores } from './stores.ts';
import type { Wires } from './wires.ts';
import { World } from './world.ts';

/** What is used again by one world after the other. */
export interface Means {
  /** Folder of the checkout under test; the current one without it. */
  root?: string;
  program: Program;
  warehouse: SqlBackend & { empty(): Promise<void> };
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

/** Of this process: the memory of the machine as a file system, where it has one. */
const memoryFolder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'afterbell-simulated-'));
process.on('exit', () => rmSync(memoryFolder, { recursive: true, force: true }));
const DAY_MS = 86_400_000;
/** Sessions that are drawn beyond the first night's. */
const AHEAD = 30;

/** Runs one history to its end, or to the first thing that is wrong. */
export async function simulate(script: Script, { program, warehouse, root = process.cwd() }: Means): Promise<Outcome> {
  await warehouse.empty();
  const random = new Random(`world ${script.seed}`);
  const { first, history } = script;
  const sessions = SESSIONS.slice(first - history, first + AHEAD);
  const world = new World(`${morningAfter(SESSIONS[first - 1]!)}`, random.of('order'));
  /** Milliseconds by which our clocks are ahead of the world's. */
  let ahead = 0;
  /** The market has lost half of every session but the newest. */
  let halvesOlder = false;
  const source = new Market(random.of('market'), sessions, history, () => new Date(world.wall - ahead), script.market);
  const market = openMarket({ source, now: () => new Date(world.wall - ahead) });
  const stores = await openStores(warehouse);
  const folder = script.store === 'files' ? new Folder(`${memoryFolder}/lake`) : undefined;
  const place = folder && { LAKE_URI: pathToFileURL(folder.root).href };
  const lake = new LakeReader(folder ?? shelfOf(stores.s3, BUCKET));
  const oracle = new Oracle(lake, stores);
  // Lists of several pages: a vendor gives no more rows at once than it likes.
  const page = random.of('page').weighted({ 1000: 2, 12: 1 });
  const fetch: Wires['fetch'] = (owner, url, init) => {
    const target = url.replace(/^https?:\/\/[^/]+/, '').replace(/limit=\d+/, `limit=${page}`);
    return world.effect(owner, `vendor ${target}`, async () => {
      oracle.ask(url, world.elapsed);
      const asked = {
        method: 'GET',
        target,
        headers: Object.fromEntries(new Headers(init.headers)),
        readBody: async () => '',
      };
      const { answer, active } = await market.answer(asked);
      const isHalved = halvesOlder && target.includes('/grouped/') && !target.includes(lastClosed(world.wall - ahead));
      const json = isHalved ? halved(answer.json) : answer.json;
      const whole = json === undefined ? (answer.text ?? '') : JSON.stringify(json);
      const body = active.has('truncated-json') ? whole.slice(0, Math.floor(whole.length / 2)) : whole;
      oracle.hear(target, answer.status, body, world.wall);
      return new Response(body, {
        status: answer.status,
        headers: { 'content-type': answer.type ?? 'application/json', ...answer.headers },
      });
    });
  };
  const hasFmp = script.hasFmp || random.of('fmp').chance(0.35);
  const usual = { ...SETTINGS, ...place, ...(hasFmp && { FMP_SECRET_ARN: secret('fmp'), VALUATION_UNIVERSE: 'all' }) };
  const cloud = new Cloud({
    root,
    world,
    random: random.of('cloud'),
    program,
    stores,
    fetch,
    settings: { ...usual, ...script.settings },
    folder,
    secrets: SECRETS,
    oldCalendar: script.oldCalendar,
    // The SDK takes as long as the rest of a call; one history in ten has all of it.
    wholeSdk: random.of('sdk').chance(0.1),
  });
  const outcome: Outcome = { seed: script.seed, problems: [], log: world.log, executions: 0, effects: 0, faults: {} };
  let lastSession = SESSIONS[first - 1];
  let released = false;
  /** A file of the lake is, by our doing. */
  let damaged = false;
  /** The last execution was a good night. */
  let isClean = false;
  /** What went wrong in the last execution. */
  let happened: string[] = [];

  /** One execution, with what goes wrong in it, and what the oracle says of it. */
  async function execute(
    name: string,
    input: object,
    faults: readonly PlannedFault[],
    misbehave: readonly string[],
  ): Promise<Ended | undefined> {
    const current = lastClosed(world.wall);
    const isToBeHad = (await source.bars(current)).length > 0;
    const lists = listVersions(lake);
    const stop = begin(name, input, faults, misbehave);
    const wholeBefore = isClean;
    const ended = await world.run(cloud.run(input, name, stop.signal));
    world.fault = () => undefined;
    // A clock that was ahead is put right.
    world.wall -= ahead;
    ahead = 0;
    await judge(name, ended, { faults: faults.length, misbehave, wholeBefore, input });
    if (name.endsWith('night')) outcome.problems.push(...checkOldLists(lake, lists, current));
    if (name === 'night' && ended.error === 'Night.Failed' && !damaged && isToBeHad && isPassing(happened, misbehave))
      outcome.problems.push('the night ended Failed, and trying again would have been enough');
    return ended;
  }

  /** From here on goes wrong what is planned. */
  function begin(
    name: string,
    input: object,
    faults: readonly PlannedFault[],
    misbehave: readonly string[],
  ): AbortController {
    const stop = new AbortController();
    happened = [];
    halvesOlder = misbehave.includes(OLDER_HALVES);
    market.misbehave(misbehave.filter((rule) => rule !== OLDER_HALVES));
    world.fault = faultsOf(
      faults,
      world,
      {
        functions: () => cloud.crashFunctions(),
        jobs: () => cloud.crashJobs(),
        execution: () => stop.abort(new Error('stopped')),
      },
      (how) => {
        happened.push(how);
        outcome.faults[how] = (outcome.faults[how] ?? 0) + 1;
      },
    );
    outcome.executions += 1;
    world.say(`— ${name} ${JSON.stringify(input)} ${JSON.stringify({ misbehave, faults })}`);
    oracle.begin(world.wall);
    for (const { how, ms = 0 } of faults) if (how === 'clock-ahead') ahead += ms;
    world.wall += ahead;
    return stop;
  }

  /** What the oracle says of an execution that has ended. */
  async function judge(
    kind: string,
    ended: Ended,
    {
      faults,
      misbehave = [],
      wholeBefore = false,
      input = {},
    }: { faults: number; misbehave?: readonly string[]; wholeBefore?: boolean; input?: object },
  ): Promise<void> {
    const disturbed = faults > 0 || misbehave.length > 0 || damaged;
    const output = ended.output as { status?: string; session?: string } | undefined;
    const status = output?.status ?? /^Night\.(Held|Failed)$/.exec(ended.error ?? '')?.[1];
    world.say(`— ${ended.status} ${status ?? ''} ${ended.error ?? ''} ${(ended.cause ?? '').slice(0, 500)}`);
    outcome.problems.push(
      ...(await oracle.check({
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
        released: released || kind === 'release',
      })),
      ...checkReport(lake, ended.runId),
    );
    isClean = status === 'Succeeded' && kind === 'night' && !disturbed;
  }

  const night = (faults: readonly PlannedFault[] = [], misbehave: readonly string[] = [], back = 0) => {
    const session = SESSIONS[SESSIONS.indexOf(lastClosed(world.wall)) - back];
    const asked = { scheduledTime: world.now().toISOString(), ...(back > 0 && { session }) };
    return execute(back > 0 ? 'older night' : 'night', asked, faults, misbehave);
  };

  async function take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'night':
        sleepUntilMorning(world, step.days);
        while (step.fresh && lastClosed(world.wall) === lastSession) sleepUntilMorning(world, 1);
        lastSession = lastClosed(world.wall);
        if (step.damage) await whileDamaged(() => night(step.faults, step.misbehave));
        else if (!step.twice) await night(step.faults, step.misbehave, step.back);
        else {
          const stop = begin('two nights', {}, step.faults, step.misbehave);
          const both = await world.run(twoNights(cloud, world, stop.signal));
          world.fault = () => undefined;
          for (const ended of both) await judge('two nights', ended, { faults: 1 });
          const [one, other] = both.map(({ output }) => (output ?? {}) as { status?: string; session?: string });
          const isDouble =
            one!.status === 'Succeeded' && other!.status === 'Succeeded' && one!.session === other!.session;
          if (isDouble && step.faults.length === 0)
            outcome.problems.push('both of two nights of one session did its work');
        }
        return;
      case 'backfill': {
        const start = first - history - (step.back ?? step.sessions);
        const to = SESSIONS[start + step.sessions - 1]!;
        const from = SESSIONS[start]!;
        await execute('backfill', { from, to, source: 'api' }, step.faults, step.misbehave);
        return;
      }
      case 'release': {
        const run = lake.keys('staging/run=').map((key) => /run=([^/]+)/.exec(key)![1]!)[0];
        released = true;
        if (!run) return;
        const own = lake.keys(`staging/run=${run}/date=`).map((key) => /date=([0-9-]+)/.exec(key)![1]!);
        const ended = await execute('release', { release: run }, step.faults, []);
        if (ended) outcome.problems.push(...checkRelease(lake, ended.runId, own));
        return;
      }
      case 'task': {
        if (step.days) sleepUntilMorning(world, step.days);
        const input = { task: step.task, settings: step.settings, session: lastClosed(world.wall) };
        if (step.withoutSplits && !folder) await resampleWithoutSplits(input);
        else await execute('task', input, step.faults, []);
        return;
      }
      case 'settings':
        cloud.configure({ ...usual, ...step.settings });
        return;
      case 'upgrade':
        cloud.upgrade();
        return;
      case 'verify':
        await verify(step.repair);
        return;
      case 'vacuum': {
        begin('vacuum', { days: step.days }, step.faults, []);
        const { code } = await world.run(cloud.job('consolidator', {}, ['vacuum', '--retention-days', `${step.days}`]));
        world.fault = () => undefined;
        if (code !== 0 && step.faults.length === 0) outcome.problems.push(`vacuum ended with ${code}`);
        return;
      }
      default:
    }
  }

  /** The history of a symbol that is new today cannot be read, until the owner takes it away. */
  async function whileDamaged(work: () => Promise<unknown>): Promise<void> {
    const key = `/${BUCKET}/bronze/raw_ohlcv/symbol=${keyOf(source.newcomer!)}/data.parquet`;
    const bytes = Buffer.from('no Parquet file');
    stores.s3.objects.set(key, { bytes, etag: '"damaged"' } as never);
    damaged = true;
    await work();
    damaged = false;
    if (stores.s3.objects.get(key)?.bytes === bytes) stores.s3.objects.delete(key);
  }

  /** Lists of splits that are gone do not say that there were none. */
  async function resampleWithoutSplits(input: object): Promise<void> {
    const isSplits = (key: string) => key.startsWith(`/${BUCKET}/reference/splits/`);
    const away = [...stores.s3.objects].filter(([key]) => isSplits(key));
    const versions = () => lake.keys('silver/').map((key) => `${key} ${lake.version(key)}`);
    const before = versions();
    for (const [key] of away) stores.s3.objects.delete(key);
    const stop = begin('task without the lists of splits', input, [], []);
    await world.run(cloud.run(input, 'task', stop.signal));
    for (const [key, object] of away) stores.s3.objects.set(key, object);
    if (versions().join() !== before.join()) outcome.problems.push('bars were made without the splits that are gone');
  }

  /** What a good night has left is whole; and what is not is made so. */
  async function verify(repair: boolean): Promise<void> {
    begin('verify', { repair }, [], []);
    const { code, problems } = await world.run(verifyStage(cloud, world, repair));
    world.say(`— verify ends with ${code} ${problems.join('; ')}`);
    if (code !== 0 && (isClean || repair)) outcome.problems.push(`verify ended with ${code}: ${problems.join('; ')}`);
    if (code === 0 && problems.length > 0) outcome.problems.push(`verify found ${problems[0]}, and ended with 0`);
  }

  /**
   * A night that is done is skipped when it is run again; asked for by name it is done again. Neither changes a byte.
   * @param isNew the night brought its session: one that did not fills no gaps a backfill left, and one asked for by name does
   */
  async function repeat(session: string, isNew: boolean): Promise<void> {
    for (const input of [{ scheduledTime: world.now().toISOString() }, ...(isNew ? [{ session }] : [])]) {
      if (outcome.problems.length > 0 || ('session' in input && !random.of('repeat').chance(0.3))) return;
      const before = await allBytes(lake, stores);
      const ended = await execute('repeat', input, [], []);
      const { status } = (ended?.output ?? {}) as { status?: string };
      if (status !== ('session' in input ? 'Succeeded' : 'Skipped'))
        outcome.problems.push(`a good night that was run again ended ${status ?? ended?.error}`);
      const changed = changedBytes(before, await allBytes(lake, stores));
      if (changed.length > 0) outcome.problems.push(`a repeated night changed ${changed.join(', ')}`);
    }
  }

  // Node would end the process, whatever else it was doing.
  const unhandled = (error: Error) => void outcome.problems.push(`nobody waited for what failed: ${error.stack}`);
  process.on('unhandledRejection', unhandled);
  try {
    const past = { from: sessions[0]!, to: sessions[history - 1]!, source: 'api' };
    await execute('backfill', past, [], []);
    for (const step of script.steps) {
      if (outcome.problems.length > 0) break;
      await take(step);
    }
    let before: string | undefined;
    for (let last = 0; last < 2 && outcome.problems.length === 0; last += 1) {
      sleepUntilMorning(world, 1);
      const ended = await night();
      const { session } = (ended?.output ?? {}) as { session?: string };
      if (last === 1 && isClean && session) {
        await repeat(session, session !== before);
        isClean = true;
        if (outcome.problems.length === 0 && random.of('verify').chance(0.2)) await verify(false);
      }
      before = session;
    }
  } catch (error) {
    outcome.problems.push(`the simulation ended: ${(error as Error).stack}`);
  } finally {
    process.off('unhandledRejection', unhandled);
  }
  outcome.effects = world.effects;
  return outcome;
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

/** Four in the morning in New York after a session. */
function morningAfter(session: string): string {
  const next = new Date(Date.parse(`${session}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10);
  return `${next}T0${4 + hoursBehind(next)}:00:00.000Z`;
}

function sleepUntilMorning(world: World, days: number): void {
  for (let day = 0; day < days; day += 1) {
    const today = new Date(world.wall - 8 * 3_600_000).toISOString().slice(0, 10);
    world.pass(Math.max(60_000, Date.parse(morningAfter(today)) - world.wall));
  }
}
