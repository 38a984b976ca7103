import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

interface Step {
  uses?: string;
  with?: Record<string, string | number>;
  run?: string;
  name?: string;
  if?: string;
}

interface Job {
  'runs-on'?: string;
  'timeout-minutes'?: number;
  permissions?: Record<string, string>;
  needs?: string;
  environment?: string;
  steps: Step[];
}

interface Workflow {
  name?: string;
  permissions?: Record<string, string>;
  jobs: Record<string, Job>;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = `${root}.github/workflows/`;
const texts = Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(folder + file, 'utf8')]));
const workflows = Object.entries(texts).map(([file, text]) => [file, parse(text) as Workflow] as const);
const steps = workflows.flatMap(([file, { jobs }]) =>
  Object.values(jobs).flatMap((job) => job.steps.map((step) => ({ file, ...step }))),
);

test('every workflow has a name, a time limit and read-only permissions at its top', () => {
  for (const [file, workflow] of workflows) {
    expect(workflow.name, file).toBe(file.replace('.yml', ''));
    expect(workflow.permissions, file).toEqual({ contents: 'read' });
    for (const job of Object.values(workflow.jobs)) {
      expect(job['timeout-minutes'], file).toBeGreaterThan(0);
      expect(job['runs-on'], file).toMatch(/^ubuntu-\d\d\.04(-arm)?$/);
    }
  }
});

test('every action is named by commit, with its version beside it', () => {
  const lines = Object.values(texts).flatMap((text) => text.split('\n').filter((line) => /uses:/.test(line)));
  expect(lines.length).toBeGreaterThan(5);
  expect(lines.filter((line) => !/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line))).toEqual([]);
});

test('no expression stands inside a command, where its text would be run', () => {
  expect(steps.filter(({ run }) => run?.includes('${{')).map(({ file, run }) => `${file}: ${run}`)).toEqual([]);
});

test('no workflow holds a key: AWS is entered by OIDC, and by these two only', () => {
  expect(Object.entries(texts).filter(([, text]) => /secrets\.|AKIA|aws-access-key-id/.test(text))).toEqual([]);
  const tokens = workflows.filter(([, { jobs }]) => Object.values(jobs).some((job) => job.permissions?.['id-token']));
  expect(tokens.map(([file]) => file)).toEqual(['deploy.yml', 'night.yml']);
});

/** Of a workflow that enters AWS: the job, and how it signs in. */
function signIn(file: string): { job: Job; with: Record<string, string | number> } {
  const { jobs } = workflows.find(([name]) => name === file)![1];
  const job = Object.values(jobs).find(({ permissions }) => permissions?.['id-token'])!;
  return { job, with: job.steps.find(({ uses }) => uses?.startsWith('aws-actions/'))!.with! };
}

test('credentials outlive the job that has them, and the role lets them', () => {
  const github = readFileSync(`${root}terraform/github/main.tf`, 'utf8');
  for (const [file, role] of [
    ['deploy.yml', 'deploy'],
    ['night.yml', 'night'],
  ] as const) {
    const { job, with: how } = signIn(file);
    const seconds = Number(how['role-duration-seconds'] ?? 3600);
    expect(seconds, file).toBeGreaterThanOrEqual(job['timeout-minutes']! * 60);
    const block = github.split(/^resource /m).find((text) => text.startsWith(`"aws_iam_role" "${role}"`))!;
    expect(Number(/max_session_duration = (\d+)/.exec(block)?.[1]), role).toBe(seconds);
  }
});

test('a deployment and a night sign in as roles of their own, in the environment of their stage', () => {
  expect(signIn('deploy.yml').with['role-to-assume']).toMatch(/\bvars\.AWS_ROLE_ARN\b/);
  expect(signIn('night.yml').with['role-to-assume']).toMatch(/\bvars\.AWS_NIGHT_ROLE_ARN\b/);
  for (const file of ['deploy.yml', 'night.yml']) expect(signIn(file).job.environment).toContain('inputs.stage');
});

test('production is not deployed while its environment waits for no reviewer', () => {
  const { jobs } = workflows.find(([file]) => file === 'deploy.yml')![1];
  expect(jobs.deploy!.needs).toBe('reviewed');
  const [step] = jobs.reviewed!.steps;
  expect(step).toMatchObject({ if: "env.STAGE == 'prod'", run: expect.stringContaining('required_reviewers') });
  const asked = (rules: string) =>
    spawnSync('bash', ['-c', `gh() { printf '${rules}'; }\n${step!.run}`], { encoding: 'utf8' });
  expect(asked('wait_timer\\nrequired_reviewers\\n').status).toBe(0);
  expect(asked('wait_timer\\n')).toMatchObject({
    status: 1,
    stdout: expect.stringContaining('Add some under Settings'),
  });
});

test('targets of make that workflows call exist', () => {
  const targets = new Set(
    [...readFileSync(`${root}Makefile`, 'utf8').matchAll(/^([a-z-]+):/gm)].map(([, name]) => name),
  );
  const called = steps.flatMap(({ run }) => [...(run ?? '').matchAll(/\bmake ([a-z-]+)/g)].map(([, name]) => name));
  expect(called.length).toBeGreaterThan(2);
  expect(called.filter((name) => !targets.has(name))).toEqual([]);
});

test('a night keeps its logs when it fails, and asks for the status whatever happens', () => {
  const night = workflows.find(([file]) => file === 'night.yml')![1].jobs.night!;
  const byName = Object.fromEntries(night.steps.map((step) => [step.name, step]));
  expect(byName.Status).toMatchObject({ if: 'always()', run: expect.stringContaining('status --stage') });
  expect(byName.Night).toMatchObject({
    run: expect.stringMatching(/afterbell night --stage [\s\S]*tee logs\/night\.log/),
  });
  const order = night.steps.map(({ name }) => name).filter(Boolean);
  expect(order).toEqual(['Night', 'Status', 'What functions and jobs said', 'Keep the logs']);
  for (const name of order.slice(2)) expect(byName[name!]).toMatchObject({ if: 'failure()' });
});
