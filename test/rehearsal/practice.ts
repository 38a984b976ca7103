import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';
import { practise } from '../../scripts/deploy/practice.ts';
import type { Answer, Tools } from '../../scripts/deploy/tools.ts';
import { HANGS_MS } from '../limits.ts';
import { root } from '../terraform/tooling.ts';
import type { Cloud } from './cloud.ts';
import type { EmulatedStage } from './stack.ts';
import { operatorShell } from './verbs.ts';

interface Open {
  cloud: Cloud;
  stage: EmulatedStage;
}

const SESSION = '2025-11-20';

/** Registers the last steps of `make deploy PRACTICE=1` on the stage as it stands: keys, a night, its status and links. */
export function registerPracticeSteps(open: () => Open | undefined): void {
  test(
    'make deploy PRACTICE=1 ends with keys of no worth, a night through the deployed market, its status and links',
    async ({ skip }) => {
      const opened = open();
      if (!opened) return skip();
      const { tools, asked, said, shown } = shell(opened);
      const environment = {
        stage: 'dev',
        region: 'us-east-1',
        protect: false,
        practice: true,
        scheduled: false,
        engineVersion: '',
        imageTag: '',
        notifyEmails: [],
      };
      const deployment = { root, tools, yes: true, practice: true };
      await practise(deployment, { ...environment, tfvars: 'environments/dev.tfvars', backend: '' });
      expect(asked.filter((line) => line.includes('put-secret-value'))).toHaveLength(4);
      expect(shown[0]).toContain(`session ${SESSION}`);
      expect(shown[0]).toContain('Practice data');
      expect(shown[1]).toContain('practice data');
      expect(said.join('\n')).toMatch(
        /#\/statemachines\/view\/arn:aws:states:us-east-1:\d+:stateMachine:afterbell-dev-nightly/,
      );
      await opened.cloud.settled();
    },
    HANGS_MS,
  );
}

/** The programs of a deployment: terraform and the command line are real, the secrets keep what the rehearsal put there. */
function shell({ cloud, stage }: Open) {
  const asked: string[] = [];
  const said: string[] = [];
  const shown: string[] = [];
  const tools: Tools = {
    async ask(command, args): Promise<Answer> {
      asked.push([command, ...args].join(' '));
      if (command !== 'terraform') return { code: 0, stdout: '', stderr: '' };
      const { code, output } = await stage.terraform.run(args);
      return { code, stdout: output, stderr: '' };
    },
    show(command, args) {
      // The market's newest session is not the calendar's.
      const all = args.includes('night') ? [...args, '--session', SESSION] : args;
      const env = { PATH: process.env.PATH, ...operatorShell(cloud) };
      return new Promise((resolve) => {
        execFile(command, all, { cwd: root, env }, (error, stdout, stderr) => {
          shown.push(`${stdout}${stderr}`);
          resolve(error ? Number(error.code ?? 1) : 0);
        });
      });
    },
    say: (line) => void said.push(line),
  };
  return { tools, asked, said, shown };
}
