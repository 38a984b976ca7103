import { type ChildProcess, execFile } from 'node:child_process';
import { shellWord } from '../../src/text.ts';
import { cli } from './program.ts';
import { scratch } from './scene.ts';

export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the bundled command line as a user would, in an empty folder and with nothing but these settings. */
export async function afterbell(
  args: readonly string[],
  env: Record<string, string> = {},
  cwd?: string,
): Promise<Said> {
  return started(args, env, [], cwd).ended;
}

/** How it prints its own commands there, where neither npx nor the PATH leads to it: by its path, and its home named. */
export function typed({ AFTERBELL_HOME: home = '' }: Record<string, string>): string {
  return `AFTERBELL_HOME=${shellWord(home)} ${cli}`;
}

export interface Started {
  child: ChildProcess;
  /** What it has written to stderr so far. */
  stderr(): string;
  ended: Promise<Said>;
}

/** The same, to be looked at or stopped while it runs. @param inside a program that runs it: `['unshare', '-n']` */
export function started(
  args: readonly string[],
  env: Record<string, string> = {},
  inside: readonly string[] = [],
  cwd = scratch(),
): Started {
  const options = {
    cwd,
    maxBuffer: 64 * 1024 * 1024,
    env: { PATH: process.env.PATH, HISTORY_SESSIONS: '0', SYMBOLS: '60', REPORT_SYMBOLS: 'AAPL', ...env },
  };
  const [program = '', ...rest] = [...inside, process.execPath, cli, ...args];
  let finish: (said: Said) => void;
  const ended = new Promise<Said>((resolve) => (finish = resolve));
  const child = execFile(program, rest, options, (error, stdout, stderr) =>
    finish({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
  );
  let written = '';
  child.stderr!.on('data', (text) => (written += text));
  return { child, stderr: () => written, ended };
}
