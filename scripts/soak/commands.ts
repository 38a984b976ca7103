import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Signal } from './plan.ts';

const ENDS_WITHIN_MS = 10_000;

export interface Ended {
  /** The exit code, or the signal that ended it. */
  code: number | NodeJS.Signals;
  stdout: string;
  stderr: string;
  /** From the signal it was sent to its end. */
  endedAfterMs?: number;
}

export interface Server {
  pid: number;
  url: string;
  /** Ends it with SIGTERM, or with SIGKILL when that takes too long. */
  stop(): Promise<Ended>;
}

export interface Commands {
  /** Runs a command at `at`; a signal is sent to it after so many milliseconds. */
  run(argv: readonly string[], at: Date, signal?: { name: Signal; afterMs: number }): Promise<Ended>;
  /** Starts a command that runs until it is ended and prints its `{url}`. */
  serve(argv: readonly string[]): Promise<Server>;
  /** Ends whatever still runs. */
  killAll(): void;
}

/** Commands of the build in `root` on one data directory, with nothing of the user's environment. */
export function openCommands(options: { root: string; home: string; temporary: string; symbols: number }): Commands {
  const { root, home, temporary, symbols } = options;
  const running = new Set<ChildProcess>();
  const start = (argv: readonly string[], shiftMs: number) => {
    const clock = pathToFileURL(join(root, 'scripts/soak/clock.mjs')).href;
    const child = spawn(process.execPath, ['--import', clock, join(root, 'dist/cli/afterbell.mjs'), ...argv], {
      cwd: dirname(home),
      // A group of its own, so that a signal can go to all of it as from a terminal.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: [dirname(process.execPath), '/usr/bin', '/bin'].join(':'),
        TMPDIR: temporary,
        AFTERBELL_HOME: home,
        SYMBOLS: String(symbols),
        REPORT_SYMBOLS: 'AAPL',
        SOAK_SHIFT_MS: String(shiftMs),
      },
    });
    running.add(child);
    const ended = { code: 0, stdout: '', stderr: '' } as Ended;
    child.stdout.on('data', (text) => (ended.stdout += text));
    child.stderr.on('data', (text) => (ended.stderr += text));
    const end = once(child, 'close').then(([code, signal]) => {
      running.delete(child);
      return Object.assign(ended, { code: (code ?? signal) as Ended['code'] });
    });
    return { child, end };
  };
  return {
    async run(argv, at, signal) {
      const { child, end } = start(argv, at.getTime() - Date.now());
      if (!signal) return end;
      const timer = new AbortController();
      await Promise.race([end, sleep(signal.afterMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
      timer.abort();
      if (child.exitCode !== null || child.signalCode !== null) return end;
      const sentAt = performance.now();
      send(child, signal.name);
      return { ...(await end), endedAfterMs: performance.now() - sentAt };
    },
    async serve(argv) {
      const { child, end } = start([...argv, '--json'], 0);
      const line = once(createInterface(child.stdout), 'line').then(([text]) => String(text));
      const first = await Promise.race([line, end]);
      if (typeof first !== 'string') throw new Error(`${argv.join(' ')} ended at once: ${first.stderr}`);
      const { url } = JSON.parse(first) as { url: string };
      return {
        pid: child.pid!,
        url,
        async stop() {
          const sentAt = performance.now();
          child.kill('SIGTERM');
          const timer = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS);
          const ended = await end;
          clearTimeout(timer);
          return { ...ended, endedAfterMs: performance.now() - sentAt };
        },
      };
    },
    killAll: () => {
      for (const child of running) child.kill('SIGKILL');
    },
  };
}

/** Ctrl-C and a closed terminal reach every process of the group; the others only the one they name. */
function send(child: ChildProcess, name: Signal): void {
  if (name === 'SIGINT' || name === 'SIGHUP') process.kill(-child.pid!, name);
  else child.kill(name);
}
