import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answer, Tools } from '../../scripts/deploy/tools.ts';
import { temporaryFolder } from '../local/programs.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const NOTIFY = 'notify_emails = ["ops@example.com"]';

/** The repository as far as a deployment reads it, with this line about mails in dev.tfvars. */
export function rootWith(notify = NOTIFY): string {
  const folder = temporaryFolder();
  for (const path of ['terraform/environments', 'terraform/variables.tf', 'batch-images', '.env.example']) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    cpSync(join(repository, path), join(folder, path), { recursive: true });
  }
  const tfvars = join(folder, 'terraform/environments/dev.tfvars');
  writeFileSync(tfvars, readFileSync(tfvars, 'utf8').replace(/^notify_emails.*$/m, notify));
  return folder;
}

/** The same, with this line before the others of a stage's file. */
export function rootBeginning(stage: string, line: string): string {
  const folder = rootWith();
  const tfvars = join(folder, `terraform/environments/${stage}.tfvars`);
  writeFileSync(tfvars, `${line}\n${readFileSync(tfvars, 'utf8')}`);
  return folder;
}

export const ACCOUNT = '123456789012';
export const REGISTRY = `${ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com`;

export const says = (stdout: unknown): Answer => ({
  code: 0,
  stdout: typeof stdout === 'string' ? stdout : JSON.stringify(stdout),
  stderr: '',
});
export const refuses = (stderr: string): Answer => ({ code: 254, stdout: '', stderr });

/** A healthy account: the key that a command line begins with answers. */
const HEALTHY: Record<string, Answer> = {
  'terraform version': says('{"terraform_version": "1.11.4"}'),
  'terraform output -json secrets': says({
    polygon: {
      command:
        'aws secretsmanager put-secret-value --secret-id afterbell-dev/polygon --secret-string file:///dev/stdin',
      wants: '{"apiKey":"…"}',
    },
  }),
  'terraform output -json off': says({ fmp: 'add "fmp" to vendors', INDEX_MEMBERS_URI: 'name a file of members' }),
  'docker version': says('27.5.1'),
  'docker buildx inspect': says(
    'Name: default\nStatus: running\nPlatforms: linux/amd64, linux/amd64/v2, linux/arm64\n',
  ),
  'aws ecr describe-repositories': says(
    ['dev', 'try'].flatMap((stage) =>
      ['consolidator', 'resampler'].map((name) => {
        const repository = `afterbell-${stage}-${name}`;
        return [repository, `${REGISTRY}/${repository}`];
      }),
    ),
  ),
  'terraform state list': says('aws_s3_bucket.lake'),
  'terraform output -json dashboard': says('"https://console/dashboard"'),
  'aws sts get-caller-identity': says({ Account: ACCOUNT }),
  'aws ssm get-parameters-by-path': says([
    'batch',
    'fargate',
    'lambda',
    'stepfunctions',
    'ecr',
    'rds',
    'dynamodb',
    'secretsmanager',
  ]),
  'aws rds describe-orderable-db-instance-options': says(['15.10', '16.4', '16.6']),
  'aws ecr get-login-password': says('password'),
};

/** The programs of a deployment in a healthy account, but for these answers and exit codes; they keep what they are asked. */
export function fakeTools(answers: Record<string, Answer> = {}, exits: Record<string, number> = {}) {
  const calls: string[] = [];
  const lines: string[] = [];
  const inputs: (string | undefined)[] = [];
  const find = <T>(table: Record<string, T>, line: string) =>
    Object.entries(table).find(([head]) => line.startsWith(head))?.[1];
  const tools: Tools = {
    async ask(command, args, { input } = {}) {
      const line = [command, ...args].join(' ');
      calls.push(line);
      inputs.push(input);
      return find(answers, line) ?? find(HEALTHY, line) ?? says('');
    },
    async show(command, args) {
      const line = [command, ...args].join(' ');
      calls.push(line);
      return find(exits, line) ?? 0;
    },
    say: (line) => void lines.push(line),
  };
  return { tools, calls, lines, inputs };
}

const CHANGES = /create|put-|apply|destroy|init|buildx build .*--push|login /;
export const changes = (calls: readonly string[]) => calls.filter((line) => CHANGES.test(line));

const NOT_FOUND = refuses('An error occurred (404) when calling the HeadObject operation: Not Found');
const NO_FUNCTION = refuses('An error occurred (ResourceNotFoundException)');
/** An account in which nothing of the stage try is. */
export const EMPTY: Record<string, Answer> = {
  'aws lambda get-function-configuration': NO_FUNCTION,
  'aws s3 cp': NOT_FOUND,
  'aws secretsmanager describe-secret': refuses('An error occurred (ResourceNotFoundException)'),
  'terraform output -json secrets': says({ polygon: 'aws …', alpaca: 'aws …', fmp: 'aws …', xai: 'aws …' }),
  'terraform output -json machines': says({ nightly: 'arn:aws:states:us-east-1:1:stateMachine:afterbell-try-nightly' }),
  'terraform output -json dashboard': says('"https://console/dashboard"'),
};
export const MARKET = {
  'aws lambda get-function-configuration': says('afterbell-try-practice-market\n'),
  'aws s3 cp': says('{\n "kind": "practice"\n}\n'),
};
