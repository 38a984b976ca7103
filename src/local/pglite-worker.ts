import { parentPort, workerData } from 'node:worker_threads';
import { startEngine } from './aws/pglite-engine.ts';
import { type EngineAnswer, type EngineCall, plainError } from './aws/pglite-thread.ts';

/** The embedded PostgreSQL in a thread of its own: however long a statement takes, the command hears a signal. */
const port = parentPort!;
const answer = (message: EngineAnswer) => port.postMessage(message);

try {
  const engine = await startEngine((workerData as { dataDir: string }).dataDir);
  port.on('message', ({ id, text, values }: EngineCall) => {
    const work = text === undefined ? engine.close() : engine.query(text, values ?? []);
    work.then(
      (result) => answer({ id, ...(result ? { result } : {}) }),
      (error: unknown) => answer({ id, error: plainError(error) }),
    );
  });
  answer({ id: 0 });
} catch (error) {
  answer({ id: 0, error: plainError(error) });
}
