import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { installPython } from '../python.ts';

const run = promisify(execFile);
const VERSION = '1.45.11';

/** Runs one documented line through a shell, as a person pastes it. */
export type Shell = (line: string, input?: string) => Promise<string>;

/** The real AWS command line in a shell of this environment; installed where the machine has none. */
export async function openShell(env: Record<string, string>): Promise<Shell> {
  const folder = await folderOfAws();
  const own = { HOME: process.env.HOME, ...env, PATH: `${folder}${process.env.PATH}`, AWS_PAGER: '' };
  return (line, input) =>
    new Promise((resolve, reject) => {
      // Through a pipe of the shell: what Node connects is a socket, which cannot be opened as /dev/stdin.
      const typed = input === undefined ? line : `cat | ${line}`;
      const child = execFile('bash', ['--noprofile', '--norc', '-ec', typed], { env: own }, (error, stdout, stderr) =>
        error ? reject(new Error(`${line}: ${stderr || error.message}`)) : resolve(stdout),
      );
      child.stdin?.end(input);
    });
}

/** With a colon at its end, to go before PATH; empty where PATH has it. */
async function folderOfAws(): Promise<string> {
  const found = await run('aws', ['--version']).then(
    () => true,
    () => false,
  );
  return found ? '' : `${dirname(await installPython([`awscli==${VERSION}`]))}:`;
}
