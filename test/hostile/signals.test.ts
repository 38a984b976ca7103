import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { constants as system } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { GRACE_MS } from '../../src/cli/main.ts';
import { tryLock } from '../../src/local/file-lock.ts';
import { afterbell } from '../nights/command.ts';
import { cli } from '../nights/program.ts';
import { HELD, scratch, warmHome } from '../nights/scene.ts';
import rows from './signals.json';

interface Row {
  name: string;
  /**
   * `busy`: what the command is in the middle of when the signal comes: a vendor that never answers, databases another
   * process has open, a computation, its own output, output that nobody reads, a repair, or files of the lake that are
   * pipes nobody writes to. `second`: a signal right after it. `held`: nobody ever writes, so that
   * its child hears no SIGTERM.
   */
  input: {
    args: string[];
    busy: string;
    signal: NodeJS.Signals;
    second?: NodeJS.Signals;
    group?: boolean;
    held?: boolean;
  };
  /** `by`: it cannot end in order, so it ends itself by this signal: the first one when its time is over, or the second. */
  expected: { code: number; by?: NodeJS.Signals };
}

/** CPU seconds that no command needs until its statement runs, in the ticks of /proc. */
const COMPUTING_TICKS = 400;

const SESSIONS = ['2025-11-17', '2025-11-18'].map((date) => `bronze/sessions/date=${date}/bars.parquet`);

/** Of a thousand bytes each: more than pipes and buffers on both sides hold. */
const UNREAD_LINES = 10_000;

test.skipIf(process.platform !== 'linux').for(rows as Row[])(
  '$name ends by itself and leaves nothing',
  async ({ input: { args, busy, signal, second, group = false, held = false }, expected }, { skip }) => {
    const home = await warmHome();
    const temporary = scratch();
    writeFileSync(join(home, 'holdings.csv'), 'symbol,quantity,averageCost\nAAPL,10,100\n');
    const holding = await hold(busy, home);
    const child = spawn(process.execPath, [cli, ...args.map((one) => one.replace('$LAKE', join(home, 'lake')))], {
      cwd: scratch(),
      env: { ...settings(home), ...holding.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    onTestFinished(() => {
      if (childrenOf(child).length > 0) process.kill(-child.pid!, 'SIGKILL');
    });
    let said = '';
    const heard = busy === 'unread stdout' ? [child.stderr] : [child.stdout, child.stderr];
    for (const stream of heard) stream.on('data', (chunk: Buffer) => (said += chunk));
    const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    const early = ended.then(() => Promise.reject(new Error(`it ended before it was busy: ${said}`)));
    await Promise.race([holding.busy(child), early]);
    early.catch(() => undefined);
    const begun = performance.now();
    let reached = begun;
    process.kill(group ? -child.pid! : child.pid!, signal);
    if (second) {
      // Of two that wait together either one may be heard first.
      await taken(child.pid!);
      process.kill(child.pid!, second);
      await taken(child.pid!);
      reached = performance.now();
    }
    if (!held) holding.signalled?.();
    const [code, by] = await ended;
    // On a busy machine: what the command has after the first one may be over by then.
    if (by === signal && reached - begun >= GRACE_MS) {
      holding.free();
      return skip('the second signal came after the grace period');
    }
    // As a shell has it.
    expect(by ? 128 + system.signals[by] : code, said).toBe(expected.code);
    if (expected.by) expect(by, said).toBe(expected.by);
    expect(readdirSync(temporary)).toEqual([]);
    expect(leftIn(home)).toEqual([]);
    expect(childrenOf(child)).toEqual([]);
    holding.free();
    const next = await afterbell(
      ['query', '--warehouse', 'SELECT count(DISTINCT date)::int AS n FROM stock_prices', '--json'],
      settings(home),
    );
    expect([next.code, JSON.parse(next.stdout || 'null')], next.stderr).toEqual([0, [{ n: HELD.count }]]);
  },
);

function settings(home: string): Record<string, string> {
  return {
    PATH: process.env.PATH!,
    AFTERBELL_HOME: home,
    SYMBOLS: '60',
    HISTORY_SESSIONS: '0',
    REPORT_SYMBOLS: 'AAPL',
  };
}

interface Holding {
  env?: Record<string, string>;
  /** Resolves when the command is held. */
  busy(child: ChildProcess): Promise<unknown>;
  /** Called when the signal has been sent. */
  signalled?(): void;
  free(): void;
}

async function hold(what: string, home: string): Promise<Holding> {
  if (what === 'vendor') return silentVendor();
  if (what === 'databases') {
    const lock = await tryLock(join(home, 'databases.flock'), 'a test');
    return { busy: (child) => saying(child.stderr!, /^Waiting for the warehouse/m), free: () => lock?.release() };
  }
  if (what === 'stdout') {
    writeFileSync(
      join(home, 'logs', 'functions.jsonl'),
      `${JSON.stringify({ at: '2025-11-19', name: 'stage-session', text: 'x' })}\n`,
    );
    return { busy: (child) => once(child.stdout!, 'data'), free: () => undefined };
  }
  if (what === 'unread stdout') {
    const line = `${JSON.stringify({ at: '2025-11-19', name: 'stage-session', text: 'x'.repeat(900) })}\n`;
    writeFileSync(join(home, 'logs', 'functions.jsonl'), line.repeat(UNREAD_LINES));
    return { busy: (child) => once(child.stdout!, 'readable'), free: () => undefined };
  }
  if (what === 'repair') return underRepair(home);
  if (what === 'cpu') return { busy: (child) => computing(child.pid!), free: () => undefined };
  return pipesInPlaceOf(what.split(' then ').map((key) => join(home, 'lake', key)));
}

/** Says that it is a practice market and answers nothing else. */
async function silentVendor(): Promise<Holding> {
  let asked = () => {};
  const first = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const server = createServer((request, response) => {
    if (request.url === '/') response.writeHead(200, { 'x-afterbell-practice': 'true' }).end('{}');
    else asked();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const free = () => {
    server.closeAllConnections();
    server.close();
  };
  onTestFinished(free);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = { POLYGON_BASE_URL: url, POLYGON_API_KEY: 'x', ALPACA_BASE_URL: url, FMP_BASE_URL: url };
  return { env, busy: () => first, free };
}

/** While it repairs, files that the count after the repair reads become pipes. */
function underRepair(home: string): Holding {
  rmSync(join(home, 'lake/silver/silver_3d'), { recursive: true });
  let pipes: Holding | undefined;
  return {
    busy: async (child) => {
      await saying(child.stdout!, /^repairing: rebuild N-session bars/m);
      pipes = pipesInPlaceOf(SESSIONS.map((key) => join(home, 'lake', key)));
      await pipes.busy(child);
    },
    signalled: () => pipes?.signalled?.(),
    free: () => pipes?.free(),
  };
}

/**
 * Pipes in place of files that are read one after the other. Who opens one waits for its writer: the first has one, so
 * that it is known when it is reached, the second only when the signal has been sent.
 */
function pipesInPlaceOf(paths: readonly string[]): Holding {
  const before = paths.map((path) => (existsSync(path) ? readFileSync(path) : undefined));
  for (const path of paths) {
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    execFileSync('mkfifo', [path]);
  }
  const writers = [open(paths[0]!, 'w')];
  return {
    busy: () => writers[0]!,
    signalled: () => {
      writers.push(...paths.slice(1).map((path) => open(path, 'w')));
    },
    free: () => {
      for (const [index, path] of paths.entries()) {
        // A writer that still waits for its reader goes on.
        const reader = openSync(path, constants.O_RDWR);
        void writers[index]?.then((file) => file.close()).finally(() => closeSync(reader));
        rmSync(path);
        if (before[index]) writeFileSync(path, before[index]);
      }
    },
  };
}

function saying(stream: NodeJS.ReadableStream, words: RegExp): Promise<void> {
  return new Promise((resolve) => {
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk;
      if (words.test(text)) resolve();
    });
  });
}

/** Resolves when no signal waits for the process any more. */
async function taken(pid: number): Promise<void> {
  const status = `/proc/${pid}/status`;
  const waits = () => existsSync(status) && !/^ShdPnd:\t0+$/m.test(readFileSync(status, 'utf8'));
  while (waits()) await pause(1);
}

async function computing(pid: number): Promise<void> {
  for (;;) {
    const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
    const [user, system] = fields.split(' ').slice(11, 13).map(Number) as [number, number];
    if (user + system >= COMPUTING_TICKS) return;
    await pause(50);
  }
}

/** Whoever is still in the process group that the command led. */
function childrenOf({ pid }: ChildProcess): string[] {
  return readdirSync('/proc').filter((entry) => {
    try {
      const [, fields = ''] = readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ');
      const [state, , group] = fields.split(' ');
      return state !== 'Z' && Number(group) === pid;
    } catch {
      return false;
    }
  });
}

function leftIn(home: string): string[] {
  const within = (folder: string) =>
    existsSync(join(home, folder)) ? readdirSync(join(home, folder), { recursive: true }).map(String) : [];
  return [
    ...readdirSync(home).filter((name) => name.startsWith('home.lock')),
    ...within('scratch'),
    ...within('lake/.tmp'),
    ...within('lake').filter((path) => /\.tmp($|[-.])/.test(path) && path !== '.tmp'),
    ...readdirSync(join(home, 'warehouse')).filter((name) => name !== 'pgdata'),
  ];
}
