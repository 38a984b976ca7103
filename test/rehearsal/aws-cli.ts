import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../terraform/tooling.ts';

const run = promisify(execFile);
const VERSION = '1.45.11';
const INSTALL_MS = 180_000;

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
  const works = (command: string) =>
    run(command, ['--version']).then(
      () => true,
      () => false,
    );
  if (await works('aws')) return '';
  const own = join(root, 'node_modules/.cache/afterbell-aws-cli');
  if (!(await works(join(own, 'bin/aws')))) {
    await run('python3', ['-m', 'venv', own], { timeout: INSTALL_MS });
    await run(join(own, 'bin/python3'), ['-m', 'pip', 'install', '--quiet', `awscli==${VERSION}`], {
      timeout: INSTALL_MS,
    });
  }
  return `${join(own, 'bin')}:`;
}
