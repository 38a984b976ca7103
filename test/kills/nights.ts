import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { homesFolder } from '../homes.ts';
import { cli } from '../nights/program.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Where Linux keeps what it knows of each process. */
const PROCESSES = '/proc';
const preload = new URL('kill-at-write.mjs', import.meta.url).href;

/** The `nth` of the writes with this label (of all writes without one): killed before it, midway, or once it is done. */
export interface KillPoint {
  phase: 'before' | 'torn' | 'after';
  write?: string;
  nth: number;
}

export interface Run {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
  /** Labels of all writes begun, in order. */
  writes: string[];
}

/** The built command line, and folders that go with it. */
export interface Workshop {
  /** The folder with dist/ and state-machines/. */
  product: string;
  /** A new folder. */
  folder(): string;
  /**
   * Runs `afterbell ARGUMENT…` on `home` in a process group of its own, `at` (ISO) being its now when the workshop
   * was opened, and kills the whole group at `kill`.
   */
  run(home: string, argv: readonly string[], options: RunOptions): Promise<Run>;
  close(): void;
}

export interface RunOptions {
  at: string;
  kill?: KillPoint;
  env?: Record<string, string>;
}

export function openWorkshop(): Workshop {
  const homes = mkdtempSync(join(homesFolder(), 'afterbell-kills-'));
  const opened = Date.now();
  let folders = 0;
  return {
    product: root,
    folder() {
      folders += 1;
      const folder = join(homes, String(folders));
      mkdirSync(folder);
      return folder;
    },
    async run(home, argv, { at, kill, env = {} }) {
      folders += 1;
      const log = join(homes, `writes-${folders}`);
      const environment = {
        AFTERBELL_HOME: home,
        SYMBOLS: '40',
        HISTORY_SESSIONS: '0',
        RESAMPLING_INTERVALS: '3,5',
        REPORT_SYMBOLS: 'AAPL',
        KILLS_HOME: home,
        KILLS_LOG: log,
        KILLS_CLOCK: String(Date.parse(at) - opened),
        ...(kill ? { KILLS_AT: JSON.stringify(kill) } : {}),
        ...env,
      };
      const result = await ended(['--import', preload, cli, ...argv], environment, homes);
      const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n') : [];
      const writes = lines.filter((line) => line.startsWith('before\t')).map((line) => line.split('\t')[1]!);
      return { ...result, writes };
    },
    close() {
      rmSync(homes, { recursive: true, force: true });
    },
  };
}

/** Nothing of the user's environment, and no `.env` of the repository, gets in. */
async function ended(argv: string[], env: Record<string, string>, cwd: string): Promise<Omit<Run, 'writes'>> {
  const PATH = [dirname(process.execPath), '/usr/bin', '/bin'].join(':');
  const child = spawn(process.execPath, argv, {
    env: { PATH, ...env },
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const result = await new Promise<Omit<Run, 'writes'>>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, output }));
  });
  // The group was killed as one; its last member may need a while to be gone, and until then may end a call it is in.
  if (result.signal) while (lives(child.pid!)) await sleep(10);
  return { ...result, output };
}

function lives(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  return !existsSync(PROCESSES) || readdirSync(PROCESSES).some((pid) => /^\d+$/.test(pid) && worksIn(group, pid));
}

/** Dead ones that nobody has waited for stay in their group; not every init waits for those it inherits. */
function worksIn(group: number, pid: string): boolean {
  try {
    const [state, , itsGroup] = readFileSync(join(PROCESSES, pid, 'stat'), 'utf8')
      .split(') ')
      .at(-1)!
      .split(' ');
    return Number(itsGroup) === group && state !== 'Z';
  } catch {
    return false;
  }
}
