import { execFile } from 'node:child_process';
import { cli } from './program.ts';
import { scratch } from './scene.ts';

export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the bundled command line as a user would, in an empty folder and with nothing but these settings. */
export async function afterbell(args: readonly string[], env: Record<string, string> = {}): Promise<Said> {
  const options = {
    cwd: scratch(),
    maxBuffer: 64 * 1024 * 1024,
    env: { PATH: process.env.PATH, HISTORY_SESSIONS: '0', SYMBOLS: '60', REPORT_SYMBOLS: 'AAPL', ...env },
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args], options, (error, stdout, stderr) => {
      const code = error ? Number(error.code ?? 1) : 0;
      resolve({ code, stdout, stderr });
    });
  });
}
