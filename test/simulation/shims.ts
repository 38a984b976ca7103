import { createRequire } from 'node:module';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Random } from './random.ts';
import type { Owner, World } from './world.ts';

const load = createRequire(import.meta.url);

/** The clock and the timers of a process, which are those of its world. */
export function timeOf(clock: () => World, owner: Owner) {
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
export const PICTURES = {
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

export function timersPromises(time: Time) {
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
export function shims(world: () => World, random: () => Random): Record<string, unknown> {
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
  const create = (path: string, config: Record<string, string> = {}) =>
    later(() => module.DuckDBInstance.create(path, { ...config, threads: '1' }));
  return { ...module, DuckDBInstance: { create } };
}

function uuidOf(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.int(0, 15).toString(16)).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20)].join('-');
}
