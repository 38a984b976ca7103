import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import vm from 'node:vm';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Folder } from './files.ts';
import { quickSender } from './quick-sdk.ts';
import type { Random } from './random.ts';
import type * as Code from './subject.ts';
import type { Owner, World } from './world.ts';

/** Where the effects of a process go. */
export interface Wires {
  aws(owner: Owner, request: SdkRequest): Promise<SdkResponse>;
  /** The S3 client's own requests, with the path as it is sent. */
  s3(
    owner: Owner,
    request: { method: string; path: string; headers: Record<string, string>; body: Buffer },
  ): Promise<S3Answer>;
  fetch(owner: Owner, url: string, init: RequestInit): Promise<Response>;
}

interface S3Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** A process of the world: the code under test with a clock, chance and outside of its own. */
export interface Process extends Owner {
  pid: number;
  code: typeof Code;
  /** What it wrote to stderr. */
  errors: string[];
}

/** A request of the AWS SDK, and its answer. */
export interface SdkRequest {
  method: string;
  hostname: string;
  path: string;
  query?: Record<string, string | string[] | null>;
  headers: Record<string, string>;
  body?: unknown;
}

export interface SdkResponse {
  statusCode: number;
  headers: Record<string, string>;
  /** S3's client wants a stream. */
  body: Uint8Array | AsyncIterable<Uint8Array>;
}

/** The code under test, ready to be evaluated for each process, and the packages all of them share. */
export interface Program {
  code: vm.Script;
  /** The same before its calendar learned of the closure of 2025-01-09. */
  older(): vm.Script;
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
  bundles: { code: string; packages: string },
  env: Record<string, string>,
  packages: Record<string, object> = openPackages(bundles.packages, env),
): Program {
  const code = scaled(bundles.code);
  let older: vm.Script | undefined;
  return {
    code: wrapped(code, 'subject.cjs'),
    // A Saturday in its place: no session less.
    older: () => (older ??= wrapped(replaced(code, /"2025-01-09"/g, '"2025-01-11"'), 'subject.cjs')),
    packages,
    commands: commandNames(packages),
  };
}

function wrapped(text: string, filename: string): vm.Script {
  return new vm.Script(`(function(${PARAMETERS}){${text}\n})`, { filename });
}

function openPackages(text: string, env: Record<string, string>): Record<string, object> {
  const owner = { name: 'packages', alive: true };
  const now = () => current!.world;
  return evaluate(wrapped(text, 'packages.cjs'), now, owner, {
    env,
    errors: [],
    random: () => current!.random.unit(),
    modules: shims(now, () => current!.random),
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
  owner.code = evaluate(isOlder ? program.older() : program.code, clock, owner, {
    env,
    errors,
    random: () => random.unit(),
    modules: {
      ...shims(clock, () => random),
      ...folder?.modulesOf(owner, world),
      'timers/promises': timersPromises(timeOf(clock, owner)),
      https: { ...(load('node:https') as object), request: s3Requests(owner, wires) },
      ...PICTURES,
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

function evaluate(script: vm.Script, world: () => World, owner: Owner, surroundings: Surroundings): unknown {
  const { env, errors, random, modules, fetch } = surroundings;
  const time = timeOf(world, owner);
  const module = { exports: {} };
  const run = script.runInThisContext() as (...given: unknown[]) => void;
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

/**
 * The shared packages as one process has them: SDK clients it makes send their requests through its own wire.
 * @param quick sends commands without the SDK's middleware, those that it knows
 */
function packagesOf(
  packages: Record<string, object>,
  send: (request: SdkRequest) => Promise<SdkResponse>,
  quick: ((command: { input: Record<string, unknown> }) => Promise<unknown> | undefined) | undefined,
) {
  const requestHandler = {
    metadata: { handlerProtocol: 'http/1.1' },
    handle: async (request: SdkRequest) => ({ response: await send(request) }),
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
    destroy() {},
  };
  const entries = Object.entries(packages).map(([id, found]) => {
    if (id.startsWith('@aws-sdk/client-')) return [id, withHandler(found, requestHandler, quick)];
    return [id, id === '@aws-sdk/lib-dynamodb' && quick ? withQuickTables(found, quick) : found];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

type Quick = NonNullable<Parameters<typeof packagesOf>[2]>;
type SdkClient = { send(command: never, ...rest: unknown[]): Promise<unknown> };

function withHandler(module: object, requestHandler: object, quick: Quick | undefined): object {
  return withClasses(module, /^[A-Z]\w*Client$/, (found) => {
    const Client = found as new (config: object) => SdkClient;
    return class extends Client {
      constructor(config: object = {}) {
        super({ ...config, requestHandler });
      }
      override send(command: never, ...rest: unknown[]): Promise<unknown> {
        return quick?.(command) ?? super.send(command, ...rest);
      }
    };
  });
}

function withQuickTables(module: object, quick: Quick): object {
  return withClasses(module, /^DynamoDBDocumentClient$/, (found) => {
    const { from } = found as { from(...given: unknown[]): SdkClient };
    const quickFrom = (...given: unknown[]) => {
      const client = from.apply(found, given);
      const send = client.send.bind(client);
      client.send = (command, ...rest) => quick(command) ?? send(command, ...rest);
      return client;
    };
    return new Proxy(found, { get: (target, name) => (name === 'from' ? quickFrom : Reflect.get(target, name)) });
  });
}

/** A module with some of its classes replaced. */
function withClasses(module: object, named: RegExp, by: (found: object) => object): object {
  const made = new Map<unknown, object>();
  return new Proxy(module, {
    get(target, name) {
      const found = Reflect.get(target, name) as object;
      if (typeof found !== 'function' || !named.test(String(name))) return found;
      if (!made.has(found)) made.set(found, by(found));
      return made.get(found);
    },
  });
}

/** Classes of the SDK's commands → their names. */
function commandNames(packages: Record<string, object>): Map<unknown, string> {
  const names = new Map<unknown, string>();
  for (const id of Object.keys(packages).filter((one) => one.startsWith('@aws-sdk/')))
    for (const [name, found] of Object.entries(packages[id]!)) if (name.endsWith('Command')) names.set(found, name);
  return names;
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

function timeOf(clock: () => World, owner: Owner) {
  class WorldDate extends Date {
    constructor(...given: []) {
      if (given.length === 0) super(clock().wall);
      else super(...given);
    }
    static override now(): number {
      return clock().wall;
    }
    static override [Symbol.hasInstance](value: unknown): boolean {
      return Date[Symbol.hasInstance](value);
    }
  }
  class Handle {
    constructor(readonly id: number) {}
    ref(): this {
      return this;
    }
    unref(): this {
      return this;
    }
    hasRef(): boolean {
      return true;
    }
    refresh(): this {
      return this;
    }
    [Symbol.toPrimitive](): number {
      return this.id;
    }
  }
  const clearTimeout = (handle?: { id: number }) => handle && clock().clearTimer(handle.id);
  return {
    Date: WorldDate,
    performance: { now: () => clock().elapsed, timeOrigin: 0 },
    setTimeout: (act: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) =>
      new Handle(clock().timer(owner, ms, () => act(...given))),
    clearTimeout,
    setInterval: (act: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) => {
      const handle = new Handle(0) as { id: number };
      const again = () => {
        handle.id = clock().timer(owner, ms, () => {
          again();
          act(...given);
        });
      };
      again();
      return handle;
    },
  };
}

const UNSIGNED = { update: () => UNSIGNED, digest: () => Buffer.alloc(32) };

/** Of a call's own storage only what is asked for at once is there; it tells logs which call they are of. */
class Forgetful {
  run<T>(_store: unknown, work: () => T): T {
    return work();
  }
  getStore(): undefined {
    return undefined;
  }
  enterWith(): void {}
}

/** Drawing is half of a small night's work and decides nothing. */
const PICTURES = {
  '@viz-js/viz': { instance: async () => ({ renderString: () => '<svg/>' }) },
  'echarts/charts': {},
  'echarts/components': {},
  'echarts/renderers': {},
  'echarts/core': {
    use: () => undefined,
    init: () => ({
      clear() {},
      setOption() {},
      renderToSVGString: () => '<svg/>',
      getZr: () => ({ animation: { stop() {} } }),
    }),
  },
};

type Time = ReturnType<typeof timeOf>;

function timersPromises(time: Time) {
  return {
    setTimeout: (ms: number, value: unknown, { signal }: { signal?: AbortSignal } = {}) =>
      new Promise((resolve, reject) => {
        const stop = () => reject(Object.assign(new Error('The operation was aborted'), { name: 'AbortError' }));
        if (signal?.aborted) return stop();
        signal?.addEventListener('abort', stop, { once: true });
        time.setTimeout(() => {
          signal?.removeEventListener('abort', stop);
          resolve(value);
        }, ms);
      }),
  };
}

/** Modules of Node and of native packages as a process of the world has them. */
function shims(world: () => World, random: () => Random): Record<string, unknown> {
  return {
    // Nobody checks a signature here, and following every promise takes a tenth of the time.
    crypto: { ...(load('node:crypto') as object), randomUUID: () => uuidOf(random()), createHmac: () => UNSIGNED },
    async_hooks: { AsyncLocalStorage: Forgetful },
    zlib: {
      ...(load('node:zlib') as object),
      gzip: (bytes: Buffer, options: object, done: (error: null, bytes: Buffer) => void) =>
        done(null, gzipSync(bytes, options)),
      gunzip: (bytes: Buffer, ...rest: unknown[]) =>
        (rest.at(-1) as (error: null, bytes: Buffer) => void)(null, gunzipSync(bytes)),
    },
    'fs/promises': counted(load('node:fs/promises') as Record<string, unknown>, world),
    '@duckdb/node-api': duckdbIn(world),
  };
}

/** Promises of another thread keep the world waiting. */
function counted(module: Record<string, unknown>, world: () => World): Record<string, unknown> {
  const wrapped = Object.entries(module).map(([name, value]) => {
    if (typeof value !== 'function') return [name, value];
    return [name, (...given: unknown[]) => world().outside(async () => value(...given))];
  });
  return Object.fromEntries(wrapped) as Record<string, unknown>;
}

/** DuckDB with every promise counted, whatever object it comes from. */
function duckdbIn(world: () => World): unknown {
  const wrapped = new WeakMap<object, object>();
  const wrap = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Array.isArray(value)) return value;
    if (!/^DuckDB(Instance|Connection|\w*Result|ResultReader|PreparedStatement)$/.test(value.constructor?.name ?? ''))
      return value;
    const known = wrapped.get(value);
    if (known) return known;
    const proxy = new Proxy(value, {
      get(target, name) {
        const found = Reflect.get(target, name, target) as unknown;
        if (typeof found !== 'function') return found;
        return (...given: unknown[]) => later(() => found.apply(target, given));
      },
    });
    wrapped.set(value, proxy);
    return proxy;
  };
  const later = (work: () => unknown): unknown => {
    const result = work();
    if (!(result instanceof Promise)) return wrap(result);
    return world().outside(async () => wrap(await result));
  };
  const module = load('@duckdb/node-api') as Record<string, unknown> & {
    DuckDBInstance: { create(...given: unknown[]): Promise<unknown> };
  };
  const create = (...given: unknown[]) => later(() => module.DuckDBInstance.create(...given));
  return { ...module, DuckDBInstance: { create } };
}

/** `request` of node:http as the S3 client uses it. */
function s3Requests(owner: Owner, wires: Wires) {
  return ({
    method = 'GET',
    path = '/',
    headers = {},
  }: {
    method?: string;
    path?: string;
    headers?: Record<string, string>;
  }) => {
    const request = new EventEmitter() as EventEmitter & Record<string, unknown>;
    request.setTimeout = () => request;
    request.destroy = (error?: Error) => error && request.emit('error', error);
    request.end = (body?: Uint8Array) => {
      wires.s3(owner, { method, path, headers, body: Buffer.from(body ?? []) }).then(
        (answer) => {
          const response = Object.assign(new EventEmitter(), {
            statusCode: answer.status,
            headers: answer.headers,
            complete: true,
          });
          request.emit('response', response);
          if (answer.body.length > 0) response.emit('data', answer.body);
          response.emit('end');
        },
        (error: Error) => request.emit('error', error),
      );
    };
    return request;
  };
}

function uuidOf(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.int(0, 15).toString(16)).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20)].join('-');
}
