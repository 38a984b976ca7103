import { createServer, type IncomingMessage } from 'node:http';
import { listenOnLoopback, ownRequestsOnly } from '../loopback.ts';
import { dataApiRoutes } from './data-api.ts';
import { type EventsOptions, eventsRoutes } from './eventbridge.ts';
import {
  AwsFault,
  type AwsResponse,
  type CalledOperation,
  calledOperation,
  faultAnswer,
  type Routes,
  resultAnswer,
  send,
} from './protocol.ts';
import { type DescribeExecution, executionsRoutes, type OnNotify, secretsRoutes, snsRoutes } from './services.ts';
import { type Credentials, readSigned } from './signature.ts';
import type { SqlBackend } from './sql.ts';

export interface AwsServerOptions {
  /** Key pairs whose signatures are taken; nothing is answered without one. */
  credentials: readonly Credentials[];
  /** Warehouse behind the RDS Data API; stays open when the server closes. */
  sql?: SqlBackend;
  /** Secret strings by the id or ARN they are asked for. */
  secrets?: Record<string, string>;
  events?: EventsOptions;
  onNotify?: OnNotify;
  describeExecution?: DescribeExecution;
  /** Operations beyond these, by the keys of `calledOperation`. */
  routes?: Routes;
  /** Throws the AwsFault of a request that its signer may not make; without it every signer may make every one. */
  authorize?: (called: CalledOperation, accessKeyId: string, body: string) => void;
  /** Told of errors nobody awaits: a failing `onEvent`, a defect in a route. */
  onError: (error: unknown, during: string) => void;
}

export interface AwsServer {
  /** `http://127.0.0.1:PORT`, for AWS_ENDPOINT_URL. */
  url: string;
  close(): Promise<void>;
}

/**
 * One loopback server for every AWS service but DynamoDB, for those who have its credentials. An operation without a route (or whose backing
 * option is absent) is answered 501 with its name, so nothing is silently faked.
 */
export async function startAwsServer(options: AwsServerOptions): Promise<AwsServer> {
  const answer = awsAnswers(options);
  const underWay = new Set<Promise<void>>();
  const server = createServer(
    ownRequestsOnly((request, response) => {
      const work = answer(request).then((answered) => send(response, answered));
      underWay.add(work);
      void work.finally(() => underWay.delete(work));
    }),
  );
  // Warm workers keep sockets for a whole night; the 5 s default would close them under a call in flight.
  server.keepAliveTimeout = 600_000;
  const url = await listenOnLoopback(server);
  let closing: Promise<void> | undefined;
  return {
    url,
    close: () => {
      closing ??= new Promise<void>((resolve) => {
        server.close(() => resolve());
        void Promise.allSettled(underWay).then(() => server.closeAllConnections());
      });
      return closing;
    },
  };
}

/** What answers a request of one of its clients, whatever brings it. */
export function awsAnswers(options: AwsServerOptions): (request: IncomingMessage) => Promise<AwsResponse> {
  const routes = routeTable(options);
  return (request) => answerTo(request, routes, options);
}

function routeTable(options: AwsServerOptions): Routes {
  const { sql, secrets, events, onNotify, describeExecution, onError } = options;
  return {
    ...(sql && dataApiRoutes(sql)),
    ...(secrets && secretsRoutes(secrets)),
    ...(events && eventsRoutes(events, onError)),
    ...(onNotify && snsRoutes(onNotify)),
    ...(describeExecution && executionsRoutes(describeExecution)),
    ...options.routes,
  };
}

async function answerTo(
  request: IncomingMessage,
  routes: Routes,
  { credentials, authorize, onError }: AwsServerOptions,
): Promise<AwsResponse> {
  const line = { method: request.method ?? '', path: request.url ?? '', headers: request.headers };
  let called = calledOperation({ ...line, body: '' });
  try {
    const signed = await readSigned(request, credentials, { protocol: called.protocol });
    const body = signed.body.toString('utf8');
    called = calledOperation({ ...line, body });
    const route = Object.hasOwn(routes, called.key) ? routes[called.key] : undefined;
    if (!route) {
      throw new AwsFault('NotImplemented', `${called.service}: ${called.operation} is not available on a laptop`, 501);
    }
    authorize?.(called, signed.accessKeyId, body);
    return resultAnswer(called.protocol, await route(body));
  } catch (error) {
    if (error instanceof AwsFault) return faultAnswer(called.protocol, error);
    onError(error, `${called.service} ${called.operation}`);
    const message = error instanceof Error ? error.message : String(error);
    return faultAnswer(called.protocol, new AwsFault('InternalFailure', message, 500));
  }
}
