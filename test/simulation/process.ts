import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import vm from 'node:vm';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { SdkRequest, SdkResponse } from './http-handler.ts';
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
  code: typeof Code;
  /** What it wrote to stderr. */
  errors: string[];
}

const load = createRequire(import.meta.url);
const PARAMETERS =
  'require,module,exports,process,console,outside,Date,Math,performance,setTimeout,clearTimeout,setInterval,clearInterval,setImmediate,fetch';

/** The bundle of subject.ts, compiled once and evaluated for each process. */
export function compileSubject(text: string): vm.Script {
  return new vm.Script(`(function(${PARAMETERS}){${text}\n})`, { filename: 'subject.cjs' });
}

export function startProcess(
  script: vm.Script,
  {
    world,
    wires,
    name,
    env,
    random,
  }: { world: World; wires: Wires; name: string; env: Record<string, string>; random: Random },
): Process {
  const errors: string[] = [];
  const owner = { name, alive: true, errors } as Process;
  const module = { exports: {} as typeof Code };
  const time = timeOf(world, owner);
  const host = hostOf(env, errors);
  const chance = Object.create(Math, { random: { value: () => random.unit() } }) as Math;
  const silent = { write: () => true };
  const console = { log() {}, info() {}, warn() {}, error() {}, debug() {}, trace() {}, stream: silent };
  const evaluate = script.runInThisContext() as (...given: unknown[]) => void;
  evaluate(
    requireFor(world, owner, { time, random, wires }),
    module,
    module.exports,
    host,
    console,
    { aws: (request: SdkRequest) => wires.aws(owner, request) },
    time.Date,
    chance,
    time.performance,
    time.setTimeout,
    time.clearTimeout,
    time.setInterval,
    time.clearTimeout,
    (act: (...given: unknown[]) => void, ...given: unknown[]) =>
      void world.outside(() => new Promise<void>((done) => setImmediate(() => done(act(...given))))),
    (url: string, init: RequestInit = {}) => wires.fetch(owner, String(url), init),
  );
  owner.code = module.exports;
  return owner;
}

/** `process` as its code sees it. */
export function hostOf(env: Record<string, string>, errors: string[], argv: string[] = []) {
  const { version, versions, platform, arch, release, pid, execPath } = process;
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
    on: () => undefined,
    off: () => undefined,
    once: () => undefined,
    emitWarning: () => undefined,
  };
}

function timeOf(world: World, owner: Owner) {
  class WorldDate extends Date {
    constructor(...given: []) {
      if (given.length === 0) super(world.wall);
      else super(...given);
    }
    static override now(): number {
      return world.wall;
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
  const clearTimeout = (handle?: { id: number }) => handle && world.clearTimer(handle.id);
  return {
    Date: WorldDate,
    performance: { now: () => world.elapsed, timeOrigin: 0 },
    setTimeout: (act: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) =>
      new Handle(world.timer(owner, ms, () => act(...given))),
    clearTimeout,
    setInterval: (act: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) => {
      const handle = new Handle(0) as { id: number };
      const again = () => {
        handle.id = world.timer(owner, ms, () => {
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

function requireFor(
  world: World,
  owner: Owner,
  { time, random, wires }: { time: Time; random: Random; wires: Wires },
): (id: string) => unknown {
  const shims: Record<string, unknown> = {
    'timers/promises': {
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
    },
    // Nobody checks a signature here, and following every promise takes a tenth of the time.
    crypto: { ...(load('node:crypto') as object), randomUUID: () => uuidOf(random), createHmac: () => UNSIGNED },
    async_hooks: { AsyncLocalStorage: Forgetful },
    zlib: {
      ...(load('node:zlib') as object),
      gzip: (bytes: Buffer, options: object, done: (error: null, bytes: Buffer) => void) =>
        done(null, gzipSync(bytes, options)),
      gunzip: (bytes: Buffer, ...rest: unknown[]) =>
        (rest.at(-1) as (error: null, bytes: Buffer) => void)(null, gunzipSync(bytes)),
    },
    https: { ...(load('node:https') as object), request: s3Requests(owner, wires) },
    'fs/promises': counted(load('node:fs/promises') as Record<string, unknown>, world),
    '@duckdb/node-api': duckdbIn(world),
    ...PICTURES,
  };
  return (id) => shims[id.replace(/^node:/, '')] ?? load(id);
}

/** Promises of another thread keep the world waiting. */
function counted(module: Record<string, unknown>, world: World): Record<string, unknown> {
  const wrapped = Object.entries(module).map(([name, value]) => {
    if (typeof value !== 'function') return [name, value];
    return [name, (...given: unknown[]) => world.outside(async () => value(...given))];
  });
  return Object.fromEntries(wrapped) as Record<string, unknown>;
}

const WRAPPED = new WeakMap<object, object>();

/** DuckDB with every promise counted, whatever object it comes from. */
function duckdbIn(world: World): unknown {
  const wrap = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Array.isArray(value)) return value;
    if (!/^DuckDB(Instance|Connection|\w*Result|ResultReader|PreparedStatement)$/.test(value.constructor?.name ?? ''))
      return value;
    const known = WRAPPED.get(value);
    if (known) return known;
    const proxy = new Proxy(value, {
      get(target, name) {
        const found = Reflect.get(target, name, target) as unknown;
        if (typeof found !== 'function') return found;
        return (...given: unknown[]) => later(() => found.apply(target, given));
      },
    });
    WRAPPED.set(value, proxy);
    return proxy;
  };
  const later = (work: () => unknown): unknown => {
    const result = work();
    if (!(result instanceof Promise)) return wrap(result);
    return world.outside(async () => wrap(await result));
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
