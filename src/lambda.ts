import { setMaxListeners } from 'node:events';
import {
  type GetSecretValueCommand,
  type GetSecretValueCommandOutput,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import secretsManager from '@middy/secrets-manager';
import type { Context } from 'aws-lambda';
import type * as z from 'zod';
import { type Config, loadConfig } from './config.ts';
import { NamedError, schemaProblems } from './errors.ts';
import { countedLake, type Requests } from './lake/lake-requests.ts';
import { count, createLogger, createMetrics, summaryOf } from './log.ts';
import { type Call, openStores, type Stores } from './stores.ts';
import { type VendorRequest, watchVendors } from './vendors/http.ts';

/** States pass keys and counts, never rows; 256 KiB would end the execution where nothing can catch it. */
const RESULT_LIMIT_BYTES = 32 * 1024;
/** Secrets are asked for again after a quarter of an hour, so that a rotated key is picked up. */
const SECRET_TTL_MS = 15 * 60 * 1000;
/** Leaves time to log before Lambda kills the sandbox; the abort arrives as a named, catchable error. */
const EARLY_MS = 1000;
type SecretSetting = Extract<keyof Config, `${string}_SECRET_ARN`>;

interface Definition<S extends z.ZodType, R> {
  name: string;
  event: S;
  /** Secret name → the setting that holds its ARN. */
  secrets?: Record<string, SecretSetting>;
  run: (event: z.output<S>, call: Call) => Promise<R>;
}

/**
 * The one shape of every function: parse the event, fetch secrets by ARN, call one function of `src`, refuse a
 * result that is too large for a state machine. Errors keep their names, for ASL Retry and Catch.
 */
export function lambda<S extends z.ZodType, R>({ name, event: schema, secrets = {}, run }: Definition<S, R>) {
  const config = loadConfig();
  const log = createLogger(name, config.LOG_LEVEL);
  const metrics = createMetrics(name, config.STAGE);
  let stores: Stores | undefined;
  let requests: Requests = { reads: 0, writes: 0 };

  const inner = async (input: unknown, context: Context, { signal }: { signal: AbortSignal }) => {
    // Two vendors with FMP_CONCURRENCY calls each listen to it at once, and let go of it as they end: no leak.
    setMaxListeners(0, signal);
    const event = schema.safeParse(input);
    if (!event.success) throw badEvent(name, event.error);
    if (!stores) {
      const opened = openStores(config);
      const counted = countedLake(opened.lake);
      requests = counted.requests;
      stores = { ...opened, lake: counted.lake };
    }
    const { reads, writes } = requests;
    const found = context as unknown as Record<string, Record<string, string> | undefined>;
    const call: Call = {
      ...stores,
      log,
      metrics,
      signal,
      remainingMs: () => context.getRemainingTimeInMillis(),
      secrets: Object.fromEntries(Object.keys(secrets).map((key) => [key, found[`secret_${key}`]])),
    };
    const begun = performance.now();
    const seconds = () => (performance.now() - begun) / 1000;
    let refusals = 0;
    const watch = (request: VendorRequest) => {
      log.debug('vendor request', { ...request });
      if (request.error === 'Vendor.RateLimited') refusals += 1;
    };
    log.appendKeys({ runId: runOf(event.data) });
    try {
      const result = withinLimit(name, await watchVendors(watch, () => run(event.data, call)));
      log.info('result', { ...summaryOf(result), seconds: seconds() });
      const gbSeconds = (seconds() * Number(context.memoryLimitInMB ?? 1024)) / 1024;
      const asked = { reads: requests.reads - reads, writes: requests.writes - writes };
      return withUse(result, { calls: 1, gbSeconds, ...asked });
    } catch (error) {
      log.error('failed', error as Error);
      throw error;
    } finally {
      if (refusals > 0) count(metrics, name, { vendor_429: refusals });
      count(metrics, name, { seconds: seconds() });
      log.resetKeys();
    }
  };

  const handler = middy({ timeoutEarlyInMillis: EARLY_MS }).handler(inner);
  const fetchData = secretArns(secrets, config);
  if (Object.keys(fetchData).length > 0) {
    // disablePrefetch: a refused GetSecretValue at import would end the process with an unrelated stack. cacheExpiry 0:
    // middy's own cache asks again by a timer, and a refusal then would end the process in the middle of other work.
    const options = {
      AwsClient: RememberedSecrets as unknown as typeof SecretsManagerClient,
      fetchData,
      disablePrefetch: true,
      cacheExpiry: 0,
      setToContext: true,
    };
    handler.use(secretsManager(options) as never);
    handler.onError((request) => {
      request.error = secretError(request.error);
    });
  }
  return handler;
}

/** What middy asks for secrets: an answer is good for a quarter of an hour, a refusal is forgotten. */
class RememberedSecrets {
  private readonly answers = new Map<string, { at: number; answer: Promise<GetSecretValueCommandOutput> }>();
  private readonly client: SecretsManagerClient;

  constructor(options: SecretsManagerClientConfig) {
    this.client = new SecretsManagerClient(options);
  }

  async send(command: GetSecretValueCommand): Promise<GetSecretValueCommandOutput> {
    const id = command.input.SecretId ?? '';
    const known = this.answers.get(id);
    if (known && Date.now() - known.at < SECRET_TTL_MS) return known.answer;
    const answer = this.client.send(command);
    this.answers.set(id, { at: Date.now(), answer });
    try {
      return await answer;
    } catch (error) {
      this.answers.delete(id);
      throw error;
    }
  }
}

/** The result, and what the call used: Close Night adds it up. */
function withUse<R>(result: R, used: object): R {
  const isObject = typeof result === 'object' && result !== null && !Array.isArray(result);
  return isObject ? { ...result, used } : result;
}

/** Every log line names its run, so that `afterbell logs --run` finds it. */
function runOf(event: unknown): string | undefined {
  const { runId, night, execution } = (event ?? {}) as Record<string, { runId?: string; name?: string } & string>;
  return runId ?? night?.runId ?? execution?.name;
}

function secretArns(secrets: Definition<z.ZodType, unknown>['secrets'], config: Config): Record<string, string> {
  const found = Object.entries(secrets ?? {}).map(([key, setting]) => [`secret_${key}`, config[setting]]);
  return Object.fromEntries(found.filter(([, arn]) => arn !== undefined));
}

/** middy wraps every failed fetch in one error; the reason lies in its cause. */
function secretError(error: Error | null): Error | null {
  const data = (error?.cause as { data?: Error[] } | undefined)?.data;
  const reason = Array.isArray(data) ? data.find((entry) => entry instanceof Error) : undefined;
  if (!reason) return error;
  const text = {
    what: 'a vendor key could not be read from Secrets Manager',
    found: `${reason.name}: ${reason.message}`,
    wanted: 'a secret with a value, and the permission to read it',
    todo: 'Put the key into the secret (docs/deploy.md).',
  };
  return new NamedError('Vendor.KeyMissing', text, { cause: reason });
}

function badEvent(name: string, error: z.ZodError): NamedError {
  const found = schemaProblems(error, 'event').join('; ');
  return new NamedError('Data.Invalid', { what: `${name} was called with a wrong event`, found });
}

function withinLimit<R>(name: string, result: R): R {
  const bytes = Buffer.byteLength(JSON.stringify(result ?? null));
  if (bytes <= RESULT_LIMIT_BYTES) return result;
  throw new NamedError('Data.Invalid', {
    what: `${name} returned too much for a state machine`,
    found: `${bytes} bytes`,
    wanted: `at most ${RESULT_LIMIT_BYTES}: keys and counts, never rows`,
  });
}
