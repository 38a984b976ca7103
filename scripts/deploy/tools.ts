import { spawn } from 'node:child_process';

export interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

/** The programs a deployment calls; tests hand in a list of answers. */
export interface Tools {
  /** Runs a program and keeps what it says. A program that is not installed answers with NOT_INSTALLED. */
  ask(command: string, args: readonly string[], options?: { cwd?: string; input?: string }): Promise<Answer>;
  /** Runs a program on the user's own terminal; answers its exit code. */
  show(command: string, args: readonly string[], options?: { cwd?: string }): Promise<number>;
  say(line: string): void;
}

/** The code that a shell answers with, too. */
export const NOT_INSTALLED = 127;

export const programs: Tools = {
  ask(command, args, { cwd, input } = {}) {
    return new Promise((resolve) => {
      const child = spawn(command, args, { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (text) => {
        stdout += text;
      });
      child.stderr.on('data', (text) => {
        stderr += text;
      });
      child.once('error', () => resolve({ code: NOT_INSTALLED, stdout, stderr: `${command} is not installed` }));
      child.once('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
      // A program that ends before it has read its input is heard by its exit code.
      child.stdin.on('error', () => {});
      child.stdin.end(input ?? '');
    });
  },
  show(command, args, { cwd } = {}) {
    return new Promise((resolve) => {
      const child = spawn(command, args, { cwd, stdio: 'inherit' });
      child.once('error', () => resolve(NOT_INSTALLED));
      child.once('close', (code) => resolve(code ?? 1));
    });
  },
  say: (line) => void process.stdout.write(`${line}\n`),
};
