import { type ChildProcess, fork } from 'node:child_process';
import type { Said } from './command.ts';
import { bundled, cli, ownProcesses } from './program.ts';
import type { WarmCommand } from './warm-cli.ts';

const idle: WarmCommands[] = [];

/**
 * One command, in a process that has run others before and is kept for the next one, with its functions and jobs in such
 * processes, too.
 */
export async function warmCommand(command: Pick<WarmCommand, 'args' | 'env' | 'cwd'>): Promise<Said> {
  const [program, jobs] = await Promise.all([bundled('warm-cli'), bundled('warm-job')]);
  let warm = idle.pop();
  while (warm && !warm.usable()) warm = idle.pop();
  warm ??= new WarmCommands(program);
  const said = await warm.run({ root: ownProcesses.root, script: cli, jobs, ...command });
  if (warm.usable()) idle.push(warm);
  return said;
}

class WarmCommands {
  private readonly child: ChildProcess;
  private runs = 0;
  private said = { stdout: '', stderr: '' };
  private code: number | undefined;
  private changed = (): void => undefined;

  constructor(program: string) {
    this.child = fork(program, [], {
      execArgv: [],
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name]!.setEncoding('utf8').on('data', (text: string) => {
        this.said[name] += text;
        this.changed();
      });
    }
    this.child.on('message', ({ code }: { code: number }) => {
      this.code = code;
      this.changed();
    });
    this.child.once('close', () => this.changed());
  }

  usable(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null && this.child.connected;
  }

  run(command: Omit<WarmCommand, 'mark'>): Promise<Said> {
    this.runs += 1;
    this.said = { stdout: '', stderr: '' };
    this.code = undefined;
    const mark = `\0end ${this.runs}\0`;
    return new Promise((resolve) => {
      this.changed = () => {
        const { stdout, stderr } = this.said;
        const isWhole = stdout.endsWith(mark) && stderr.endsWith(mark);
        if (isWhole && this.code !== undefined) {
          resolve({ code: this.code, stdout: stdout.slice(0, -mark.length), stderr: stderr.slice(0, -mark.length) });
        } else if (!this.usable()) resolve({ code: this.child.exitCode ?? 1, stdout, stderr });
      };
      this.child.send({ mark, ...command } satisfies WarmCommand);
    });
  }
}
