import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import vm from 'node:vm';
import type { Folder } from './files.ts';
import { quickSender } from './quick-sdk.ts';
import type { Random } from './random.ts';
import { commandNames, packagesOf, s3Requests } from './sdk-clients.ts';
import { PICTURES, shims, timeOf, timersPromises } from './shims.ts';
import type * as Code from './subject.ts';
import type { SdkRequest, Wires } from './wires.ts';
import type { Owner, World } from './world.ts';

/** A process of the world: the code under test with a clock, chance and outside of its own. */
export interface Process extends Owner {
  pid: number;
  code: typeof Code;
  /** What it wrote to stderr. */
  errors: string[];
}

/** The code under test, ready to be evaluated for each process, and the packages all of them share. */
export interface Program {
  code: Body;
  /** Modules that keep nothing of a process, by path. */
  shared: Record<string, object>;
  /** The same before the calendar learned of the closure of 2025-01-09. */
  older(): Record<string, object>;
  packages: Record<string, object>;
  /** Classes of the SDK's commands → their names. */
  commands: ReadonlyMap<unknown, string>;
}

const load = createRequire(import.meta.url);
const PARAMETERS =
  'require,module,exports,process,console,Date,Math,performance,setTimeout,clearTimeout,setInterval,clearInterval,setImmediate,fetch';

/** Whose time the shared packages read: one world runs at a time in a thread. */
let current: { world: World; random: Random } | undefined;

export function enter(world: World, random: Random): void {
  current = { world, random };
  living.clear();
  lastPid = 100;
}

const living = new Map<number, Owner>();
let lastPid = 100;

/**
 * @param bundles as bundleSubject makes them
 * @param env what packages read of the environment
 * @param packages those of another program, when they are the same
 */
export function openProgram(
  bundles: { code: string; shared: string; packages: string },
  env: Record<string, string>,
  packages: Record<string, object> = openShared(bundles.packages, 'packages.cjs', env),
): Program {
  const sharedOf = (text: string) => openShared(text, 'shared.cjs', env, packages);
  let older: Record<string, object> | undefined;
  return {
    code: wrapped(scaled(bundles.code), 'subject.cjs'),
    shared: sharedOf(bundles.shared),
    // A Saturday in its place: no session less.
    older: () => (older ??= sharedOf(replaced(bundles.shared, /"2025-01-09"/g, '"2025-01-11"'))),
    packages,
    commands: commandNames(packages),
  };
}

type Body = (...given: unknown[]) => void;

/**
 * Code as a function to be called for each process. It is one function for all of them: what V8 has learned of the code,
 * and has compiled for one process, is there for the next.
 */
function wrapped(text: string, filename: string): Body {
  return new vm.Script(`(function(${PARAMETERS}){${text}\n})`, { filename }).runInThisContext() as Body;
}

/** Evaluates what all processes have in common. */
function openShared(
  text: string,
  filename: string,
  env: Record<string, string>,
  packages: Record<string, object> = {},
): Record<string, object> {
  const owner = { name: 'packages', alive: true };
  const now = () => current!.world;
  return evaluate(wrapped(text, filename), now, owner, {
    env,
    errors: [],
    random: () => current!.random.unit(),
    // As prototype: packages are evaluated when they are required.
    modules: Object.assign(
      Object.create(packages) as Record<string, unknown>,
      shims(now, () => current!.random),
    ),
    fetch: () => Promise.reject(new Error('a package of the code under test fetches by itself')),
  }) as Record<string, object>;
}

/**
 * A market of forty symbols in place of twelve thousand: what the product does from so many symbols or bytes on is scaled
 * down with it. The pieces that rows are read in, beside the limit of a row in stores.ts, and the symbols from which on
 * FMP is asked for its bulk answer.
 */
function scaled(code: string): string {
  const pieces = replaced(replaced(code, /\b15000\b/g, '300'), /\b14999\b/g, '299');
  return replaced(pieces, /\b(BULK_FROM\d* = )100\b/g, (_all, name) => `${name}12`);
}

function replaced(code: string, found: RegExp, by: string | ((all: string, name: string) => string)): string {
  if (!found.test(code)) throw new Error(`the code under test has no ${found} any more: look at process.ts`);
  return code.replace(found, by as string);
}

export function startProcess(
  program: Program,
  {
    world,
    wires,
    name,
    env,
    random,
    folder,
    isOlder = false,
    wholeSdk,
  }: {
    world: World;
    wires: Wires;
    name: string;
    env: Record<string, string>;
    random: Random;
    /** Of a lake on a disk. */
    folder?: Folder;
    /** Whether its calendar lacks a closure. */
    isOlder?: boolean;
    /** Every call goes through the AWS SDK's own middleware. */
    wholeSdk: boolean;
  },
): Process {
  const errors: string[] = [];
  lastPid += 1;
  const owner = { name, alive: true, errors, pid: lastPid } as Process;
  living.set(lastPid, owner);
  const clock = () => world;
  const send = (request: SdkRequest) => wires.aws(owner, request);
  const wait = (ms: number) => new Promise<void>((resolve) => void world.timer(owner, ms * random.unit(), resolve));
  owner.code = evaluate(program.code, clock, owner, {
    env,
    errors,
    random: () => random.unit(),
    modules: {
      ...shims(clock, () => random),
      ...folder?.modulesOf(owner, world),
      'timers/promises': timersPromises(timeOf(clock, owner)),
      https: { ...(load('node:https') as object), request: s3Requests(owner, wires) },
      ...PICTURES,
      ...(isOlder ? program.older() : program.shared),
      ...packagesOf(program.packages, send, wholeSdk ? undefined : quickSender(program.commands, send, wait)),
    },
    fetch: (url, init) => wires.fetch(owner, url, init),
  }) as typeof Code;
  return owner;
}

interface Surroundings {
  env: Record<string, string>;
  errors: string[];
  random: () => number;
  modules: Record<string, unknown>;
  fetch: (url: string, init: RequestInit) => Promise<Response>;
}

function evaluate(run: Body, world: () => World, owner: Owner, surroundings: Surroundings): unknown {
  const { env, errors, random, modules, fetch } = surroundings;
  const time = timeOf(world, owner);
  const module = { exports: {} };
  run(
    (id: string) => modules[id.replace(/^node:/, '')] ?? load(id),
    module,
    module.exports,
    hostOf(env, errors, [], owner as Process),
    { log() {}, info() {}, warn() {}, error() {}, debug() {}, trace() {} },
    time.Date,
    Object.create(Math, { random: { value: random } }),
    time.performance,
    time.setTimeout,
    time.clearTimeout,
    time.setInterval,
    time.clearTimeout,
    (act: (...given: unknown[]) => void, ...given: unknown[]) =>
      void world().outside(() => new Promise<void>((done) => setImmediate(() => done(act(...given))))),
    (url: string, init: RequestInit = {}) => fetch(String(url), init),
  );
  return module.exports;
}

/** `process` as its code sees it. */
export function hostOf(env: Record<string, string>, errors: string[], argv: string[] = [], owner?: Process) {
  const { version, versions, platform, arch, release, execPath } = process;
  const pid = owner?.pid ?? 1;
  return {
    ...{ version, versions, platform, arch, release, pid, execPath, execArgv: [] as string[], title: 'node' },
    cwd: () => '/',
    nextTick: process.nextTick,
    memoryUsage: process.memoryUsage,
    uptime: () => 1,
    hrtime: Object.assign(() => [0, 0], { bigint: () => 0n }),
    env: { ...env } as NodeJS.ProcessEnv,
    argv: ['node', 'program', ...argv],
    exitCode: undefined as number | undefined,
    stdout: new Writable({ write: (_text, _encoding, done) => done() }),
    stderr: Object.assign(new Writable(), { write: (text: string) => errors.push(text) > 0 }),
    // Whoever holds a lock in a world is asked for by it; only the living answer.
    kill: (other: number) => {
      if (living.get(other)?.alive) return true;
      throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH' });
    },
    on: () => undefined,
    off: () => undefined,
    once: () => undefined,
    emitWarning: () => undefined,
  };
}
