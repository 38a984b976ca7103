import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { tryLock } from '../../src/local/file-lock.ts';
import { afterbell } from '../nights/command.ts';
import { cli } from '../nights/program.ts';
import { HELD, scratch, warmHome } from '../nights/scene.ts';
import rows from './signals.json';

interface Row {
  name: string;
  /**
   * `busy`: what the command is in the middle of when the signal comes: a vendor that never answers, databases another
   * process has open, a computation, its own output, or a file of the lake that is a pipe nobody writes to.
   */
  input: { args: string[]; busy: string; signal: NodeJS.Signals; group?: boolean };
  expected: { code: number };
}

/** CPU seconds that no command needs until its statement runs, in the ticks of /proc. */
const COMPUTING_TICKS = 400;

test.skipIf(process.platform !== 'linux').each(rows as Row[])(
  '$name ends by itself and leaves nothing',
  async ({ input: { args, busy, signal, group = false }, expected }) => {
    const home = await warmHome();
    const temporary = scratch();
    const holding = await hold(busy, home);
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: scratch(),
      env: { ...settings(home), ...holding.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    onTestFinished(() => {
      if (childrenOf(child).length > 0) process.kill(-child.pid!, 'SIGKILL');
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk));
    const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    const early = ended.then(() => Promise.reject(new Error(`it ended before it was busy: ${said}`)));
    await Promise.race([holding.busy(child), early]);
    early.catch(() => undefined);
    process.kill(group ? -child.pid! : child.pid!, signal);
    const [code, by] = await ended;
    // As a shell has it.
    expect(by ? 128 + constants.signals[by] : code, said).toBe(expected.code);
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
  if (what === 'cpu') return { busy: (child) => computing(child.pid!), free: () => undefined };
  return pipeInPlaceOf(join(home, 'lake', what));
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

/** A pipe in place of a file: who opens it waits for ever. */
function pipeInPlaceOf(path: string): Holding {
  mkdirSync(dirname(path), { recursive: true });
  const before = existsSync(path) ? readFileSync(path) : undefined;
  rmSync(path, { force: true });
  execFileSync('mkfifo', [path]);
  const opened = open(path, 'w');
  return {
    busy: () => opened,
    free: () => {
      void opened.then((file) => file.close());
      rmSync(path);
      if (before) writeFileSync(path, before);
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
