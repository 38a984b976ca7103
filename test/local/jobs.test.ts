import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Jobs, startJobs } from '../../src/local/jobs.ts';
import { bundled, bundledText, temporaryFolder } from './programs.ts';

let jobProcess: string;
let program: string;
let folder: string;
let logFile: string;
let jobs: Jobs;
let env: Record<string, string>;

beforeAll(async () => {
  jobProcess = await bundled('job-process');
  program = join(temporaryFolder(), 'main.mjs');
  writeFileSync(
    program,
    `import { appendFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    const [what, ...rest] = process.argv.slice(2);
    const { OUT, AWS_BATCH_JOB_ATTEMPT: attempt, AWS_BATCH_JOB_ARRAY_INDEX: index } = process.env;
    if (what === 'env') writeFileSync(OUT + '/env.json', JSON.stringify(process.env));
    if (what === 'argv') writeFileSync(OUT + '/argv.json', JSON.stringify(process.argv.slice(1)));
    if (what === 'exit') { console.error('first'); console.error('Job.Failed: disk full'); process.exitCode = Number(rest[0]); }
    if (what === 'busy-until') { appendFileSync(OUT + '/attempts', attempt); if (attempt !== rest[0]) process.exit(75); }
    if (what === 'throw') throw new TypeError('undefined is not a bar');
    if (what === 'array') {
      writeFileSync(OUT + '/running-' + index, '');
      appendFileSync(OUT + '/seen', readdirSync(OUT).filter((f) => f.startsWith('running-')).length + '\\n');
      await sleep(50);
      rmSync(OUT + '/running-' + index);
      writeFileSync(OUT + '/index-' + index, process.env.AWS_BATCH_JOB_ID + ' ' + process.env.AWS_BATCH_JOB_ARRAY_SIZE);
      if (rest[0] === index) { console.error('index ' + index + ' is bad'); process.exit(1); }
    }
    if (what === 'wait') {
      if (rest[0] === 'stubborn') process.on('SIGTERM', () => {});
      if (rest[0] === 'graceful') process.on('SIGTERM', () => { console.log('stopping'); process.exit(75); });
      writeFileSync(OUT + '/pid', String(process.pid));
      setInterval(() => {}, 1000);
    }
    if (what === 'log') { console.log('{"dataset":"bars"}'); console.error('plain'); }`,
  );
});
beforeEach(() => {
  folder = temporaryFolder();
  logFile = join(folder, 'jobs.jsonl');
  env = { OUT: join(folder, 'out'), LAKE_URI: 'file:///lake' };
  mkdirSync(env.OUT ?? '');
  const definitions = {
    consolidator: { program, command: ['exit', 'Ref::code'] },
    'two-tries': { program, attempts: 2 },
  };
  jobs = startJobs({ definitions, jobProcess, env, logFile, killAfterSeconds: 0.3 });
});
afterEach(() => jobs.close());

/** The job has written its process id, whole. */
const started = () => expect.poll(() => existsSync(join(folder, 'out', 'pid')) && read('pid')).toMatch(/^\d+$/);
const read = (name: string) => readFileSync(join(folder, 'out', name), 'utf8');
function submit(Command: string[], more: Record<string, unknown> = {}, signal?: AbortSignal) {
  const names = { JobName: 'consolidate-1', JobDefinition: 'consolidator', JobQueue: 'afterbell-local' };
  return jobs.submitJob({ ...names, ContainerOverrides: { Command }, ...more }, { signal });
}
async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

test('a job that exits 0 answers with its detail', async () => {
  const detail = await submit(['exit', '0']);
  expect(detail).toEqual({
    JobId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    JobName: 'consolidate-1',
    JobDefinition: 'consolidator',
    JobQueue: 'afterbell-local',
    Status: 'SUCCEEDED',
    StatusReason: 'Essential container in task exited',
    CreatedAt: expect.any(Number),
    StartedAt: expect.any(Number),
    StoppedAt: expect.any(Number),
    Attempts: [
      {
        Container: { ExitCode: 0 },
        StartedAt: detail.StartedAt,
        StoppedAt: detail.StoppedAt,
        StatusReason: 'Essential container in task exited',
      },
    ],
    Container: { ExitCode: 0, Command: ['exit', '0'] },
  });
  expect(detail.StoppedAt).toBeGreaterThanOrEqual(detail.StartedAt);
});

test('another exit code is States.TaskFailed with the detail as its cause, and is not retried', async () => {
  const error = await failureOf(submit(['exit', '2']));
  expect(error.name).toBe('States.TaskFailed');
  expect(JSON.parse(error.message)).toMatchObject({
    Status: 'FAILED',
    StatusReason: 'Essential container in task exited',
    Container: { ExitCode: 2, Reason: 'first\nJob.Failed: disk full' },
    Attempts: [{ Container: { ExitCode: 2 } }],
  });
});

test('an uncaught error’s reason is the error, not its stack', async () => {
  const cause = JSON.parse((await failureOf(submit(['throw']))).message);
  expect(cause.Container.ExitCode).toBe(1);
  expect(cause.Container.Reason).toContain('TypeError: undefined is not a bar');
  expect(cause.Container.Reason).not.toContain('    at ');
});

test('exit 75 is retried, up to the attempts of the definition', async () => {
  const detail = await submit(['busy-until', '3']);
  expect(detail.Attempts.map(({ Container }) => Container.ExitCode)).toEqual([75, 75, 0]);
  expect(read('attempts')).toBe('123');
  const error = await failureOf(submit(['busy-until', '9']));
  expect(JSON.parse(error.message).Attempts).toHaveLength(3);
  const twice = await failureOf(submit(['busy-until', '9'], { JobDefinition: 'two-tries' }));
  expect(JSON.parse(twice.message).Attempts).toHaveLength(2);
  const once = await failureOf(submit(['busy-until', '9'], { RetryStrategy: { Attempts: 1 } }));
  expect(JSON.parse(once.message).Attempts).toHaveLength(1);
});

test('the environment is exactly the given one, the overrides and what Batch adds', async () => {
  const Environment = [
    { Name: 'MODE', Value: 'full' },
    { Name: 'LAKE_URI', Value: 's3://other' },
  ];
  const detail = await submit([], { ContainerOverrides: { Command: ['env'], Environment } });
  expect(JSON.parse(read('env.json'))).toEqual({
    PATH: expect.any(String),
    OUT: env.OUT,
    LAKE_URI: 's3://other',
    MODE: 'full',
    MANAGED_BY_AWS: 'STARTED_BY_STEP_FUNCTIONS',
    AWS_BATCH_JOB_ID: detail.JobId,
    AWS_BATCH_JOB_ATTEMPT: '1',
    AWS_BATCH_JQ_NAME: 'afterbell-local',
  });
});

test('the program sees its own path and command, as if it were started itself', async () => {
  await submit(['argv', '--mode', 'full']);
  expect(JSON.parse(read('argv.json'))).toEqual([program, 'argv', '--mode', 'full']);
});

test('an array job runs every index, two at a time', async () => {
  const detail = await submit(['array'], { ArrayProperties: { Size: 5 } });
  expect(detail.ArrayProperties).toEqual({ Size: 5, StatusSummary: { SUCCEEDED: 5, FAILED: 0 } });
  const indexes = readdirSync(join(folder, 'out')).filter((name) => name.startsWith('index-'));
  expect(indexes.sort()).toEqual(['index-0', 'index-1', 'index-2', 'index-3', 'index-4']);
  expect(read('index-4')).toBe(`${detail.JobId}:4 5`);
  expect(Math.max(...read('seen').trim().split('\n').map(Number))).toBeLessThanOrEqual(2);
});

test('an array job fails when one index fails, after the others ran', async () => {
  const error = await failureOf(submit(['array', '1'], { ArrayProperties: { Size: 4 } }));
  expect(JSON.parse(error.message)).toMatchObject({
    Status: 'FAILED',
    ArrayProperties: { Size: 4, StatusSummary: { SUCCEEDED: 3, FAILED: 1 } },
  });
  expect(existsSync(join(folder, 'out', 'index-3'))).toBe(true);
});

test('a definition is found by name, revision or ARN, and its own command takes Parameters', async () => {
  for (const reference of ['consolidator:7', 'arn:aws:batch:us-east-1:000000000000:job-definition/consolidator:7']) {
    const error = await failureOf(
      submit([], { JobDefinition: reference, ContainerOverrides: undefined, Parameters: { code: '4' } }),
    );
    expect(JSON.parse(error.message).Container).toMatchObject({ ExitCode: 4, Command: ['exit', '4'] });
  }
});

test.each([
  [{ JobDefinition: 'nobody' }, 'JobDefinition nobody does not exist; there are consolidator, two-tries'],
  [{ JobName: 'has spaces' }, 'JobName: up to 128 letters'],
  [{ Parameters: { n: 1 } }, 'Parameters.n'],
  [{ ArrayProperties: { Size: 1 } }, 'ArrayProperties.Size'],
  [{ DependsOn: [] }, 'DependsOn'],
  [{ ContainerOverrides: { Environment: [{ Name: 'AWS_BATCH_X', Value: '' }] } }, 'reserved'],
])('the submission %j is refused by name', async (more, message) => {
  const error = await failureOf(submit(['exit', '0'], more));
  expect([error.name, error.message]).toEqual(['Batch.ClientException', expect.stringContaining(message)]);
});

test.each(['graceful', 'plain', 'stubborn'])('a stopped job (%s) is gone when its promise settles', async (how) => {
  const controller = new AbortController();
  const stopped = failureOf(submit(['wait', how], {}, controller.signal));
  await started();
  controller.abort();
  expect((await stopped).name).toBe('AbortError');
  expect(exists(Number(read('pid')))).toBe(false);
  expect((await failureOf(submit(['exit', '0'], {}, controller.signal))).name).toBe('AbortError');
});

test('output is logged line by line', async () => {
  const { JobId } = await submit(['log']);
  await jobs.close();
  const lines = readFileSync(logFile, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.sort((a, b) => String(a.stream).localeCompare(String(b.stream)))).toEqual([
    { at: expect.any(String), name: 'consolidate-1', id: JobId, stream: 'stderr', text: 'plain' },
    { at: expect.any(String), name: 'consolidate-1', id: JobId, stream: 'stdout', record: { dataset: 'bars' } },
  ]);
});

test('a job ends when its parent is killed', async () => {
  const parent = await bundledText(
    'parent',
    `import { startJobs } from '/src/local/jobs.ts';
    const [jobProcess, program, OUT, logFile] = process.argv.slice(2) as [string, string, string, string];
    const jobs = startJobs({ definitions: { job: { program } }, jobProcess, env: { OUT }, logFile });
    await jobs.submitJob({ JobName: 'j', JobDefinition: 'job', JobQueue: 'q', ContainerOverrides: { Command: ['wait'] } });`,
  );
  const child = fork(parent, [jobProcess, program, join(folder, 'out'), logFile]);
  await started();
  const pid = Number(read('pid'));
  expect(exists(pid)).toBe(true);
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  await expect.poll(() => exists(pid)).toBe(false);
});

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
