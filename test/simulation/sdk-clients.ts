import { EventEmitter } from 'node:events';
import type { quickSender } from './quick-sdk.ts';
import type { SdkRequest, SdkResponse, Wires } from './wires.ts';
import type { Owner } from './world.ts';

type Quick = ReturnType<typeof quickSender>;
type SdkClient = { send(command: never, ...rest: unknown[]): Promise<unknown> };

/**
 * The shared packages as one process has them: SDK clients it makes send their requests through its own wire.
 * @param quick sends commands without the SDK's middleware, those that it knows
 */
export function packagesOf(
  packages: Record<string, object>,
  send: (request: SdkRequest) => Promise<SdkResponse>,
  quick: Quick | undefined,
) {
  const requestHandler = {
    metadata: { handlerProtocol: 'http/1.1' },
    handle: async (request: SdkRequest) => ({ response: await send(request) }),
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
    destroy() {},
  };
  const entries = Object.entries(packages).map(([id, found]) => {
    if (id.startsWith('@aws-sdk/client-')) return [id, withHandler(found, requestHandler, quick)];
    return [id, id === '@aws-sdk/lib-dynamodb' && quick ? withQuickTables(found, quick) : found];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function withHandler(module: object, requestHandler: object, quick: Quick | undefined): object {
  return withClasses(module, /^[A-Z]\w*Client$/, (found) => {
    const Client = found as new (config: object) => SdkClient;
    return class extends Client {
      constructor(config: object = {}) {
        super({ ...config, requestHandler });
      }
      override send(command: never, ...rest: unknown[]): Promise<unknown> {
        return quick?.(command) ?? super.send(command, ...rest);
      }
    };
  });
}

function withQuickTables(module: object, quick: Quick): object {
  return withClasses(module, /^DynamoDBDocumentClient$/, (found) => {
    const { from } = found as { from(...given: unknown[]): SdkClient };
    const quickFrom = (...given: unknown[]) => {
      const client = from.apply(found, given);
      const send = client.send.bind(client);
      client.send = (command, ...rest) => quick(command) ?? send(command, ...rest);
      return client;
    };
    return new Proxy(found, { get: (target, name) => (name === 'from' ? quickFrom : Reflect.get(target, name)) });
  });
}

/** A module with some of its classes replaced. */
function withClasses(module: object, named: RegExp, by: (found: object) => object): object {
  const made = new Map<unknown, object>();
  return new Proxy(module, {
    get(target, name) {
      const found = Reflect.get(target, name) as object;
      if (typeof found !== 'function' || !named.test(String(name))) return found;
      if (!made.has(found)) made.set(found, by(found));
      return made.get(found);
    },
  });
}

/** Classes of the SDK's commands → their names. */
export function commandNames(packages: Record<string, object>): Map<unknown, string> {
  const names = new Map<unknown, string>();
  for (const id of Object.keys(packages).filter((one) => one.startsWith('@aws-sdk/')))
    for (const [name, found] of Object.entries(packages[id]!)) if (name.endsWith('Command')) names.set(found, name);
  return names;
}

/** `request` of node:http as the S3 client uses it. */
export function s3Requests(owner: Owner, wires: Wires) {
  return ({
    method = 'GET',
    path = '/',
    headers = {},
  }: {
    method?: string;
    path?: string;
    headers?: Record<string, string>;
  }) => {
    const request = new EventEmitter() as EventEmitter & Record<string, unknown>;
    request.setTimeout = () => request;
    request.destroy = (error?: Error) => error && request.emit('error', error);
    request.end = (body?: Uint8Array) => {
      wires.s3(owner, { method, path, headers, body: Buffer.from(body ?? []) }).then(
        (answer) => {
          const response = Object.assign(new EventEmitter(), {
            statusCode: answer.status,
            headers: answer.headers,
            complete: true,
          });
          request.emit('response', response);
          if (answer.body.length > 0) response.emit('data', answer.body);
          response.emit('end');
        },
        (error: Error) => request.emit('error', error),
      );
    };
    return request;
  };
}
