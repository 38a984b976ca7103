import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Functions, startFunctions } from '../../src/local/functions.ts';
import { bundled, bundledText, temporaryFolder } from './programs.ts';

let worker: string;
let bundle: string;
let functions: Functions;
let logFile: string;
const env = { AWS_REGION: 'us-east-1', LAKE_URI: 'file:///lake' };

beforeAll(async () => {
  worker = await bundled('function-worker');
  const folder = temporaryFolder();
  bundle = join(folder, 'function.mjs');
  writeFileSync(
    bundle,
    `let calls = 0;
    export async function handler(event, context) {
      calls += 1;
      switch (event?.do) {
        case 'env': return process.env;
        case 'context': return { ...context, remaining: context.getRemainingTimeInMillis() };
        case 'throw': { const error = new Error('the vendor said 429'); error.name = 'Vendor.RateLimited'; throw error; }
        case 'throw-text': throw 'just text';
        case 'reject-later': setTimeout(() => Promise.reject(new Error('nobody awaits me')), 1); return new Promise(() => {});
        case 'throw-later': setTimeout(() => { throw new RangeError('too far'); }, 1); return new Promise(() => {});
        case 'exit': process.exit(3);
        case 'die': process.kill(process.pid, 'SIGKILL'); return new Promise(() => {});
        case 'hang': return new Promise(() => {});
        case 'spin': for (;;);
        case 'log': console.log('{"level":"INFO","page":1}'); console.error('plain'); process.stdout.write('unfinished'); return null;
        case 'nothing': return undefined;
        case 'big': return 'x'.repeat(7 * 1024 * 1024);
        default: return { echo: event, calls, pid: process.pid };
      }
    }`,
  );
});
beforeEach(() => {
  logFile = join(temporaryFolder(), 'functions.jsonl');
  functions = start(2);
});
afterEach(() => functions.close());

function start(size: number): Functions {
  const bundles = {
    probe: bundle,
    second: bundle,
    'no-handler': worker.replace('.mjs', '.none.mjs'),
    gone: '/nowhere.mjs',
  };
  writeFileSync(bundles['no-handler'], 'export const main = 1;');
  return startFunctions({ bundles, worker, env, logFile, size });
}

type Probe = { echo: unknown; calls: number; pid: number };
const call = (payload: unknown, timeoutSeconds = 30, name = 'probe') =>
  functions.invoke(name, payload, { timeoutSeconds }) as Promise<Probe>;

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

test('a payload goes in, the result comes out, and the worker stays warm', async () => {
  const first = await call({ a: [1, null, 'é'] });
  expect(first).toMatchObject({ echo: { a: [1, null, 'é'] }, calls: 1 });
  expect(await call(null)).toEqual({ echo: null, calls: 2, pid: first.pid });
  expect(await call({ do: 'nothing' })).toBeNull();
});

test('at most two workers run, and further calls wait their turn', async () => {
  const answers = await Promise.all(Array.from({ length: 9 }, (_, i) => call(i)));
  expect(new Set(answers.map(({ pid }) => pid)).size).toBe(2);
  expect(answers.map(({ echo }) => echo)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test('the environment is exactly the given one and PATH', async () => {
  expect(Object.keys(await call({ do: 'env' })).sort()).toEqual(['AWS_REGION', 'LAKE_URI', 'PATH']);
  expect(await call({ do: 'env' })).toMatchObject(env);
});

test('the context names the call and its remaining time', async () => {
  expect(await call({ do: 'context' }, 20)).toMatchObject({
    awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    functionName: 'probe',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:probe',
    remaining: expect.any(Number),
  });
});

test('a thrown error has its own name and the payload Step Functions would see', async () => {
  const error = await failureOf(call({ do: 'throw' }));
  expect(error.name).toBe('Vendor.RateLimited');
  expect(JSON.parse(error.message)).toEqual({
    errorType: 'Vendor.RateLimited',
    errorMessage: 'the vendor said 429',
    trace: expect.arrayContaining([expect.stringContaining('handler')]),
  });
  expect(JSON.parse((await failureOf(call({ do: 'throw-text' }))).message)).toEqual({
    errorType: 'string',
    errorMessage: 'just text',
    trace: [],
  });
  expect((await call(1)).calls).toBe(3);
});

test.each([
  ['reject-later', 'Runtime.UnhandledPromiseRejection', 'nobody awaits me'],
  ['throw-later', 'RangeError', 'too far'],
])(
  'an error outside the handler’s promise (%s) fails the call and replaces the worker',
  async (what, name, message) => {
    const { pid } = await call(1);
    const error = await failureOf(call({ do: what }));
    expect([error.name, JSON.parse(error.message).errorMessage]).toEqual([name, message]);
    expect((await call(1)).pid).not.toBe(pid);
  },
);

test.each([
  ['exit', 'Runtime exited with error: exit status 3'],
  ['die', 'Runtime exited with error: signal: SIGKILL'],
])('a worker that dies midway (%s) is Lambda.Unknown and is replaced', async (what, reason) => {
  const { pid } = await call(1);
  const error = await failureOf(call({ do: what }));
  expect(error.name).toBe('Lambda.Unknown');
  expect(error.message).toMatch(
    /^The cause could not be determined because Lambda did not return an error type\. Returned/,
  );
  expect(error.message).toContain(reason);
  const next = await call(1);
  expect(next.calls).toBe(1);
  expect(next.pid).not.toBe(pid);
});

test.each(['hang', 'spin'])(
  'a call over its timeout (%s) is Sandbox.Timedout and its worker is killed',
  async (what) => {
    const { pid } = await call(1);
    const error = await failureOf(call({ do: what }, 0.25));
    expect(error.name).toBe('Sandbox.Timedout');
    expect(JSON.parse(error.message)).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringMatching(/^RequestId: \S+ Error: Task timed out after 0\.25 seconds$/),
    });
    const next = await call(1);
    expect(next.pid).not.toBe(pid);
    await expect.poll(() => exists(pid)).toBe(false);
  },
);

test('a result over Lambda’s limit is refused', async () => {
  expect((await failureOf(call({ do: 'big' }))).name).toBe('Function.ResponseSizeTooLarge');
});

test('unknown functions, missing bundles and missing handlers are named', async () => {
  expect((await failureOf(call(1, 5, 'constructor'))).name).toBe('Lambda.ResourceNotFoundException');
  expect(JSON.parse((await failureOf(call(1, 5, 'gone'))).message).errorMessage).toContain('/nowhere.mjs');
  expect((await failureOf(call(1, 5, 'no-handler'))).name).toBe('Runtime.HandlerNotFound');
  expect((await call(1)).calls).toBe(1);
});

test('an aborted call ends its worker, and one that waits leaves the queue', async () => {
  await functions.close();
  functions = start(1);
  const { pid } = await call(1);
  const running = new AbortController();
  const waiting = new AbortController();
  const first = failureOf(functions.invoke('probe', { do: 'hang' }, { timeoutSeconds: 30, signal: running.signal }));
  const second = failureOf(functions.invoke('probe', 2, { timeoutSeconds: 30, signal: waiting.signal }));
  const third = call(3);
  waiting.abort();
  expect((await second).name).toBe('AbortError');
  running.abort();
  expect((await first).name).toBe('AbortError');
  expect((await third).echo).toBe(3);
  expect((await third).pid).not.toBe(pid);
  expect((await failureOf(functions.invoke('probe', 4, { timeoutSeconds: 1, signal: waiting.signal }))).name).toBe(
    'AbortError',
  );
});

test('calls stopped one after another leave the pool usable', async () => {
  await functions.close();
  functions = start(1);
  const signals = Array.from({ length: 6 }, () => new AbortController());
  const calls = signals.map(({ signal }, i) =>
    functions.invoke('probe', i, { timeoutSeconds: 30, signal }).then(
      () => signals[i + 1]?.abort(),
      () => 'stopped',
    ),
  );
  expect(await Promise.all(calls)).toEqual([undefined, 'stopped', undefined, 'stopped', undefined, 'stopped']);
});

test('output is logged line by line under the call that wrote it', async () => {
  await call({ do: 'log' });
  await call({ do: 'log' }, 30, 'second');
  await functions.close();
  const lines = readFileSync(logFile, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; id: string; stream: string; at: string });
  const of = (name: string) =>
    lines
      .filter((line) => line.name === name)
      .map(({ at, id, ...rest }) => rest)
      .sort((a, b) => a.stream.localeCompare(b.stream));
  for (const name of ['probe', 'second']) {
    expect(of(name)).toEqual([
      { name, stream: 'stderr', text: 'plain' },
      { name, stream: 'stdout', record: { level: 'INFO', page: 1 } },
      { name, stream: 'stdout', text: 'unfinished' },
    ]);
  }
  expect(new Set(lines.map(({ id }) => id)).size).toBe(2);
});

test('close ends running calls and leaves no process', async () => {
  const { pid } = await call(1);
  const running = failureOf(call({ do: 'hang' }));
  await functions.close();
  expect((await running).name).toBe('AbortError');
  expect(exists(pid)).toBe(false);
  expect((await failureOf(call(1))).name).toBe('AbortError');
});

test('workers end when their parent is killed', async () => {
  const parent = await bundledText(
    'parent',
    `import { startFunctions } from '/src/local/functions.ts';
    const [worker, bundle, logFile] = process.argv.slice(2);
    const functions = startFunctions({ bundles: { probe: bundle! }, worker: worker!, env: {}, logFile: logFile! });
    process.send!(await functions.invoke('probe', 1, { timeoutSeconds: 30 }));
    void functions.invoke('probe', { do: 'hang' }, { timeoutSeconds: 300 });`,
  );
  const child = fork(parent, [worker, bundle, logFile]);
  const [{ pid }] = (await once(child, 'message')) as [Probe];
  child.kill('SIGKILL');
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
