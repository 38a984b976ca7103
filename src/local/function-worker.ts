import { pathToFileURL } from 'node:url';
import type { Context } from 'aws-lambda';
import { fewFiles } from '../errors.ts';
import { ACCOUNT, REGION } from './aws/environment.ts';
import { endMark, type FunctionFault, type Invocation, type WorkerMessage } from './functions.ts';
import { keepFilesPrivate } from './permissions.ts';

/**
 * One Lambda sandbox: a process that imports bundles on demand and runs their handlers, one call at a time.
 * It stays warm between calls and ends with its parent.
 */
type Handler = (event: unknown, context: Context) => unknown;

/** Lambda's own limit on a synchronous result. */
const RESULT_LIMIT_BYTES = 6 * 1024 * 1024;
let current: Invocation | undefined;

keepFilesPrivate();

process.on('message', (message) => void run(message as Invocation));
process.on('disconnect', () => process.exit(0));
// Such a signal often reaches the whole process group; the parent decides what ends and when.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM']) process.on(signal, () => undefined);
process.on('uncaughtException', (error) => crash(faultOf(error)));
process.on('unhandledRejection', (reason) => {
  const { errorMessage, trace } = faultOf(reason);
  crash({ errorType: 'Runtime.UnhandledPromiseRejection', errorMessage, trace });
});

async function run(invocation: Invocation): Promise<void> {
  current = invocation;
  const { id } = invocation;
  let handler: Handler;
  try {
    handler = await loadHandler(invocation);
  } catch (error) {
    return answer({ kind: 'fault', id, fault: faultOf(error), retire: true });
  }
  send({ kind: 'started', id });
  try {
    const payload = JSON.stringify((await handler(invocation.payload, contextOf(invocation))) ?? null);
    const bytes = Buffer.byteLength(payload);
    if (bytes > RESULT_LIMIT_BYTES) {
      const errorMessage = `Response payload size (${bytes} bytes) exceeded maximum allowed payload size (6291456 bytes).`;
      return answer({
        kind: 'fault',
        id,
        fault: { errorType: 'Function.ResponseSizeTooLarge', errorMessage },
        retire: false,
      });
    }
    answer({ kind: 'result', id, payload });
  } catch (error) {
    answer({ kind: 'fault', id, fault: faultOf(error), retire: false });
  }
}

/** A failed import stays in the module cache, which is why the worker retires after one. */
async function loadHandler({ path }: Invocation): Promise<Handler> {
  const module: unknown = await import(pathToFileURL(path).href);
  const handler = typeof module === 'object' && module !== null && 'handler' in module ? module.handler : undefined;
  if (typeof handler === 'function') return handler as Handler;
  throw Object.assign(new Error(`${path} does not export a function named handler`), {
    name: 'Runtime.HandlerNotFound',
  });
}

function contextOf({ id, name, timeoutSeconds }: Invocation): Context {
  const deadline = performance.now() + timeoutSeconds * 1000;
  return {
    awsRequestId: id,
    functionName: name,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`,
    memoryLimitInMB: '1024',
    logGroupName: `/aws/lambda/${name}`,
    logStreamName: `local/${process.pid}`,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, Math.round(deadline - performance.now())),
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  };
}

/** As Lambda's Node.js runtime reports a thrown value. */
function faultOf(error: unknown): FunctionFault & { trace: string[] } {
  const thrown = fewFiles(error) ?? error;
  if (!(thrown instanceof Error)) return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
  return { errorType: thrown.name, errorMessage: thrown.message, trace: (thrown.stack ?? '').split('\n') };
}

/** Ends the call: output first, so that the pool has every line before it has the answer. */
function answer(message: WorkerMessage): void {
  current = undefined;
  for (const stream of [process.stdout, process.stderr]) stream.write(`\n${endMark(message.id)}\n`);
  send(message);
}

/** An error outside any handler's promise: the call, if there is one, gets it as its fault; the process ends. */
function crash(fault: FunctionFault): void {
  process.stderr.write(`${JSON.stringify(fault)}\n`);
  const call = current;
  if (!call) process.exit(1);
  answer({ kind: 'fault', id: call.id, fault, retire: true });
}

function send(message: WorkerMessage): void {
  process.send?.(message);
}
