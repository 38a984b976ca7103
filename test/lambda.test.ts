import { getEventListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { clearCache } from '@middy/util';
import type { Context } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { NamedError } from '../src/errors.ts';
import { lambda } from '../src/lambda.ts';
import { count } from '../src/log.ts';
import type { Call } from '../src/stores.ts';
import { fmp } from '../src/vendors/fmp.ts';
import { createHttp } from '../src/vendors/http.ts';
import { temporaryFolder } from './local/programs.ts';
import { send, startLoopback } from './vendors/loopback.ts';

const contextOf = () => ({ getRemainingTimeInMillis: () => 60_000, functionName: 'test' }) as Context;
const secrets = mockClient(SecretsManagerClient);
/** What a call says that it used; Close Night adds it up. */
const USED = { calls: 1, gbSeconds: expect.any(Number), reads: 0, writes: 0 };

beforeEach(() => {
  vi.stubEnv('LAKE_URI', pathToFileURL(join(temporaryFolder(), 'lake')).href);
  vi.stubEnv('DATABASE_CLUSTER_ARN', 'cluster');
  vi.stubEnv('DATABASE_SECRET_ARN', 'secret');
  vi.stubEnv('AWS_REGION', 'us-east-1');
  // The test runner's own, which is one of our settings.
  vi.stubEnv('MODE', '');
  // What this file logs goes through the global console with this, and from there nowhere.
  vi.stubEnv('POWERTOOLS_DEV', 'true');
  for (const word of ['log', 'info', 'warn', 'error'] as const) vi.spyOn(console, word).mockImplementation(() => {});
  secrets.reset();
  // Secrets live as long as the process, which here is many functions one after another.
  clearCache();
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const echo = (run: (event: { key: string }, call: Call) => Promise<unknown>) =>
  lambda({ name: 'echo', event: z.object({ key: z.string() }), run });

describe('an event', () => {
  test('is parsed before anything runs', async () => {
    const run = vi.fn(async ({ key }: { key: string }) => ({ key }));
    expect(await echo(run)({ key: 'a', more: 1 }, contextOf())).toEqual({ key: 'a', used: USED });
    expect(run.mock.calls[0]![0]).toEqual({ key: 'a' });
  });

  test('that is wrong is refused by name, with every problem', async () => {
    const run = vi.fn(async () => null);
    const handler = lambda({ name: 'echo', event: z.object({ key: z.string(), count: z.number() }), run });
    await expect(handler({ key: 7 }, contextOf())).rejects.toMatchObject({
      name: 'Data.Invalid',
      message: expect.stringMatching(/echo was called with a wrong event; found key: .*; count: /),
    });
    await expect(handler(undefined, contextOf())).rejects.toMatchObject({ name: 'Data.Invalid' });
    expect(run).not.toHaveBeenCalled();
  });
});

describe('the signal of a call', () => {
  test('may be listened to by many vendor calls at once, which let go of it as they end', async () => {
    const warnings: string[] = [];
    const warn = ({ name }: Error) => void (name === 'MaxListenersExceededWarning' && warnings.push(name));
    process.on('warning', warn);
    const vendor = await startLoopback((response) => send(response, 200, '[]'));
    let left = -1;
    const handler = echo(async (_event, { signal }) => {
      const http = createHttp({ vendor: 'A', baseUrl: vendor.url, headers: {}, classify: () => undefined });
      await Promise.all(Array.from({ length: 20 }, () => http.getJson('/a', { signal })));
      left = getEventListeners(signal, 'abort').length;
    });
    await handler({ key: 'a' }, contextOf());
    await new Promise(setImmediate);
    process.off('warning', warn);
    expect({ left, warnings }).toEqual({ left: 0, warnings: [] });
  });
});

describe('a result', () => {
  test('of 32 KiB passes, one byte more is refused by name', async () => {
    const handler = echo(async ({ key }) => key);
    const fitting = 'x'.repeat(32 * 1024 - 2);
    expect(await handler({ key: fitting }, contextOf())).toBe(fitting);
    await expect(handler({ key: `${fitting}x` }, contextOf())).rejects.toMatchObject({
      name: 'Data.Invalid',
      message: expect.stringContaining('echo returned too much for a state machine; found 32769 bytes'),
    });
  });

  test('is measured in bytes, not in letters', async () => {
    await expect(echo(async ({ key }) => key)({ key: 'ä'.repeat(20_000) }, contextOf())).rejects.toMatchObject({
      name: 'Data.Invalid',
    });
  });

  test('may be nothing', async () => {
    expect(await echo(async () => undefined)({ key: 'a' }, contextOf())).toBeUndefined();
  });
});

test('an error keeps its name and words, for Retry and Catch to match on', async () => {
  const failing = echo(async () => {
    throw new NamedError('Vendor.RateLimited', { what: 'too many calls', todo: 'Wait.' });
  });
  await expect(failing({ key: 'a' }, contextOf())).rejects.toMatchObject({
    name: 'Vendor.RateLimited',
    message: 'too many calls. Wait.',
  });
});

const logged = (word: 'log' | 'info') =>
  vi.mocked(console[word]).mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>);

describe('a metric', () => {
  // Development otherwise mutes them.
  beforeEach(() => void vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'false'));
  const setsOf = ({ _aws }: Record<string, unknown>) =>
    (_aws as { CloudWatchMetrics: { Dimensions: string[][] }[] }).CloudWatchMetrics[0]!.Dimensions;

  test('of seconds comes with every call', async () => {
    await echo(async () => 1)({ key: 'a' }, contextOf());
    expect(logged('log')).toEqual([expect.objectContaining({ dataset: 'echo', seconds: expect.any(Number) })]);
  });

  test('goes out with all dimensions, whichever of several it is', async () => {
    const counting = echo(async (_event, { metrics }) => count(metrics, 'tickers', { rows_written: 5, pages: 2 }));
    await counting({ key: 'a' }, contextOf());
    await counting({ key: 'a' }, contextOf());
    const [tickers, seconds, ...again] = logged('log');
    expect(tickers).toMatchObject({ service: 'echo', stage: 'local', dataset: 'tickers', rows_written: 5, pages: 2 });
    expect(setsOf(tickers!)).toEqual([['service', 'stage', 'dataset']]);
    expect(seconds).toMatchObject({ dataset: 'echo' });
    expect(seconds).not.toHaveProperty('pages');
    expect(again.map(({ dataset }) => dataset)).toEqual(['tickers', 'echo']);
  });

  test('of refusals counts each one, those that were waited out too', async () => {
    const vendor = await startLoopback((response, _request, number) =>
      number === 2 ? send(response, 200, []) : send(response, 429, '', { 'retry-after': '1' }),
    );
    const http = { sleep: async () => {} };
    const client = fmp({ baseUrl: vendor.url, apiKey: 'fk-secret', callsPerMinute: 0, http });
    const asking = echo(async ({ key }) => client.dcf(key));
    // Refused once, then answered; then refused in both of its tries.
    await asking({ key: 'A' }, contextOf());
    await expect(asking({ key: 'B' }, contextOf())).rejects.toMatchObject({ name: 'Vendor.RateLimited' });
    await vendor.close();
    const refusals = logged('log').filter(({ vendor_429 }) => vendor_429 !== undefined);
    expect(refusals.map(({ dataset, vendor_429 }) => [dataset, vendor_429])).toEqual([
      ['echo', 1],
      ['echo', 2],
    ]);
  });
});

describe('the log of a call', () => {
  test('has one line of its result: figures as they are, lists by their length, no prose', async () => {
    const result = {
      rows: 3,
      done: true,
      reasons: ['a', 'b'],
      message: 'x',
      page: 'a\nb',
      nested: { a: 1 },
      none: null,
    };
    await echo(async () => result)({ key: 'a' }, contextOf());
    const [line, ...more] = logged('info');
    expect(line).toMatchObject({ message: 'result', rows: 3, done: true, reasons: 2, seconds: expect.any(Number) });
    for (const name of ['page', 'nested', 'none']) expect(line).not.toHaveProperty(name);
    expect(more).toEqual([]);
  });
});

test('stores are opened by the first call, and shared by later ones', async () => {
  const seen: unknown[] = [];
  const handler = echo(async (_event, call) => {
    seen.push(call.lake);
    return { left: call.remainingMs(), aborted: call.signal.aborted };
  });
  expect(await handler({ key: 'a' }, contextOf())).toEqual({ left: 60_000, aborted: false, used: USED });
  await handler({ key: 'b' }, contextOf());
  expect(seen[0]).toBe(seen[1]);
});

test('an unset lake is named at the first call', async () => {
  vi.stubEnv('LAKE_URI', '');
  await expect(echo(async () => 1)({ key: 'a' }, contextOf())).rejects.toMatchObject({
    name: 'Config.Invalid',
    message: expect.stringContaining('LAKE_URI'),
  });
});

describe('a secret', () => {
  let arn = 0;
  const keyed = () => {
    arn += 1;
    vi.stubEnv('POLYGON_SECRET_ARN', `arn:aws:secretsmanager:us-east-1:1:secret:polygon-${arn}`);
    return lambda({
      name: 'keyed',
      event: z.object({}),
      secrets: { polygon: 'POLYGON_SECRET_ARN' },
      run: async (_event, call) => call.secrets,
    });
  };

  test('is read by its ARN, parsed, and asked for once', async () => {
    secrets.on(GetSecretValueCommand).resolves({ SecretString: '{"apiKey":"k"}' });
    const handler = keyed();
    expect(await handler({}, contextOf())).toEqual({ polygon: { apiKey: 'k' }, used: USED });
    await handler({}, contextOf());
    expect(secrets.commandCalls(GetSecretValueCommand).map(({ args }) => args[0].input.SecretId)).toEqual([
      `arn:aws:secretsmanager:us-east-1:1:secret:polygon-${arn}`,
    ]);
  });

  test.each(['ResourceNotFoundException', 'AccessDeniedException'])(
    'that answers %s is Vendor.KeyMissing',
    async (name) => {
      secrets.on(GetSecretValueCommand).rejects(Object.assign(new Error(`cannot: ${name}`), { name }));
      await expect(keyed()({}, contextOf())).rejects.toMatchObject({
        name: 'Vendor.KeyMissing',
        message: expect.stringContaining(`found ${name}: cannot: ${name}`),
      });
    },
  );

  test('that comes back later is found then', async () => {
    secrets.on(GetSecretValueCommand).rejectsOnce(new Error('slow')).resolves({ SecretString: '{"apiKey":"k"}' });
    const handler = keyed();
    await expect(handler({}, contextOf())).rejects.toMatchObject({ name: 'Vendor.KeyMissing' });
    expect(await handler({}, contextOf())).toEqual({ polygon: { apiKey: 'k' }, used: USED });
  });

  test('is asked for again by the first call after a quarter of an hour, and never between calls', async () => {
    vi.useFakeTimers();
    try {
      secrets
        .on(GetSecretValueCommand)
        .resolvesOnce({ SecretString: '{"apiKey":"old"}' })
        .rejectsOnce(new Error('slow'));
      const handler = keyed();
      await handler({}, contextOf());
      await vi.advanceTimersByTimeAsync(16 * 60_000);
      expect(secrets.commandCalls(GetSecretValueCommand)).toHaveLength(1);
      await expect(handler({}, contextOf())).rejects.toMatchObject({ name: 'Vendor.KeyMissing' });
      secrets.on(GetSecretValueCommand).resolves({ SecretString: '{"apiKey":"rotated"}' });
      expect(await handler({}, contextOf())).toEqual({ polygon: { apiKey: 'rotated' }, used: USED });
    } finally {
      vi.useRealTimers();
    }
  });

  test('without an ARN is not asked for', async () => {
    vi.stubEnv('POLYGON_SECRET_ARN', '');
    const handler = lambda({
      name: 'keyless',
      event: z.object({}),
      secrets: { polygon: 'POLYGON_SECRET_ARN' },
      run: async (_event, call) => ({ given: call.secrets.polygon ?? null }),
    });
    expect(await handler({}, contextOf())).toEqual({ given: null, used: USED });
    expect(secrets.calls()).toHaveLength(0);
  });

  test('does not hide the errors of the work itself', async () => {
    secrets.on(GetSecretValueCommand).resolves({ SecretString: '{"apiKey":"k"}' });
    keyed();
    const handler = lambda({
      name: 'failing',
      event: z.object({}),
      secrets: { polygon: 'POLYGON_SECRET_ARN' },
      run: async () => {
        throw new NamedError('Vendor.AuthFailed', 'POLYGON_API_KEY was refused');
      },
    });
    await expect(handler({}, contextOf())).rejects.toMatchObject({
      name: 'Vendor.AuthFailed',
      message: 'POLYGON_API_KEY was refused',
    });
  });
});

const folder = fileURLToPath(new URL('../functions/', import.meta.url));
test.each(readdirSync(folder))('%s refuses an event that is none, in its own name', async (name) => {
  const { handler } = (await import(join(folder, name, 'index.ts'))) as {
    handler: (event: unknown, context: Context) => Promise<unknown>;
  };
  await expect(handler('no event', contextOf())).rejects.toMatchObject({
    name: 'Data.Invalid',
    message: expect.stringContaining(`${name} was called with a wrong event`),
  });
});
