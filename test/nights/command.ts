import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { shellWord } from '../../src/text.ts';
import { cli } from './program.ts';
import { scratch } from './scene.ts';
import { warmCommand } from './warm-commands.ts';

export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

const SETTINGS = { PATH: process.env.PATH, HISTORY_SESSIONS: '0', SYMBOLS: '60', REPORT_SYMBOLS: 'AAPL' };

/**
 * Runs the bundled command line in an empty folder and with nothing but these settings, in a process that has run other
 * commands before; `started` gives one a process of its own, and so do settings that Node.js reads as it starts.
 */
export function afterbell(args: readonly string[], env: Record<string, string> = {}, cwd = scratch()): Promise<Said> {
  if (env.NODE_OPTIONS) return started(args, env, [], cwd).ended;
  return warmCommand({ args, env: { ...SETTINGS, ...env }, cwd });
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

/**
 * The same in a process of its own, as a user runs it, to watch or stop.
 * @param inside a program that runs it: `['unshare', '-n']`
 */
export function started(
  args: readonly string[],
  env: Record<string, string> = {},
  inside: readonly string[] = [],
  cwd = scratch(),
): Started {
  const options = {
    cwd,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...SETTINGS, ...env },
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

/** `report --serve` once it listens, and the address of its pages; whoever asks for it ends it. */
export async function served(env: Record<string, string>): Promise<{ url: string; child: ChildProcess }> {
  const { child, ended } = started(['report', '--serve', '--json'], env);
  const early = ended.then(({ stderr }) => Promise.reject(new Error(`it ended before it listened: ${stderr}`)));
  const [text] = await Promise.race([once(child.stdout!, 'data'), early]);
  const { url } = JSON.parse(String(text)) as { url: string };
  return { url, child };
}
