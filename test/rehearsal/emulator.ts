import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Requests } from '../../src/lake/lake-requests.ts';
import { pythonWithMoto } from './moto.ts';
import { makeOperator } from './operator.ts';

export interface Emulator {
  url: string;
  /** What an SDK client of the operator wants. */
  client: { endpoint: string; region: string; credentials: { accessKeyId: string; secretAccessKey: string } };
  /** What a program of the operator needs to reach it, and nothing that would let it reach AWS. */
  env: Record<string, string>;
  /** Requests refused since authorization was switched on: `role action resource`. */
  refused: string[];
  /** From now on every request is signed by somebody whose policies allow it; `false`: anybody may do anything again. */
  authorize(on: boolean): Promise<void>;
  /** Objects and lists of the lake that were asked for so far, by the two classes that S3 bills. */
  lakeRequests(): Promise<Requests>;
  close(): Promise<void>;
}

/** AWS as moto emulates it, in a process of its own; undefined when there is no Python with moto's server. */
export async function startEmulator(): Promise<Emulator | undefined> {
  const python = await pythonWithMoto();
  if (!python) return undefined;
  const port = await freePort();
  const program = fileURLToPath(new URL('emulator.py', import.meta.url));
  const child = spawn(python, [program, String(port)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const refused: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    said = `${said}${line}\n`.slice(-4000);
  });
  createInterface({ input: child.stdout }).on('line', (line) => refused.push(line));
  const url = `http://127.0.0.1:${port}`;
  await answers(url, child, () => said);
  const place = { endpoint: url, region: 'us-east-1' };
  const nobody = { accessKeyId: 'rehearsal', secretAccessKey: 'rehearsal' };
  const credentials = await makeOperator({ ...place, credentials: nobody });
  return {
    url,
    client: { ...place, credentials },
    env: {
      AWS_ENDPOINT_URL: url,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_REGION: place.region,
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
      // What moto does not know is not asked for minutes.
      AWS_MAX_ATTEMPTS: '2',
    },
    refused,
    authorize: async (on) => {
      const headers = { 'content-type': 'text/plain' };
      const body = on ? '0' : 'inf';
      const answer = await fetch(`${url}/moto-api/reset-auth`, { method: 'POST', headers, body });
      if (!answer.ok) throw new Error(`authorization was not switched: ${await answer.text()}`);
    },
    lakeRequests: async () => (await fetch(`${url}/rehearsal/lake-requests`)).json() as Promise<Requests>,
    close: () =>
      new Promise((resolve) => {
        child.once('close', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}

async function answers(url: string, child: ChildProcess, said: () => string): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) {
    const answer = await fetch(`${url}/moto-api/`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`the emulator ended without an answer: ${said()}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
