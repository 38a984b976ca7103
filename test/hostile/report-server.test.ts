import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FileLake } from '../../src/lake/file-lake.ts';
import { jsonBytes, keys } from '../../src/lake/lake.ts';
import { afterbell, served } from '../nights/command.ts';
import { scratch } from '../nights/scene.ts';
import { fillLake } from '../report/browsed-lake.ts';
import { nightReport } from '../report/night-report.ts';
import nights from './night-report.json';
import requests from './report-server.json';

const GOOD = ['2026-11-24', '2026-11-25'];
const dated = nights.map((night, index) => ({ ...night, date: `2026-10-${String(index + 1).padStart(2, '0')}` }));

let server: ChildProcess;
let port: number;
const env: Record<string, string> = {};

beforeAll(async () => {
  env.AFTERBELL_HOME = scratch();
  const lake = new FileLake(pathToFileURL(join(env.AFTERBELL_HOME, 'lake')).href);
  await fillLake(lake);
  for (const session of GOOD) await lake.write(keys.report(session, 'night.json'), jsonBytes(nightReport({ session })));
  for (const { date: session, text, change } of dated) {
    const bytes = text === undefined ? jsonBytes({ ...nightReport({ session }), ...change }) : Buffer.from(text);
    await lake.write(keys.report(session, 'night.json'), bytes);
  }
  const { url, child } = await served(env);
  server = child;
  port = Number(new URL(url).port);
});
afterAll(async () => {
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  await ended;
});

/** The target as it is, which fetch would put right first. */
function ask(path: string): Promise<{ status: number; type: string | undefined; page: string }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers: { host: `127.0.0.1:${port}` } }, async (response) => {
      let page = '';
      for await (const piece of response) page += piece;
      resolve({ status: response.statusCode!, type: response.headers['content-type'], page });
    })
      .on('error', reject)
      .end();
  });
}

test.each(requests)('a request with $name as its target is answered with $expected', async ({ input, expected }) => {
  const { status, type, page } = await ask(input);
  expect(status).toBe(expected);
  const own = /<script defer src="\/pages-[0-9a-f]{12}\.js"><\/script>/;
  // JSON is read as such, whatever is in it.
  if (type === 'application/json; charset=utf-8') expect(JSON.parse(page)).toBeInstanceOf(Array);
  else expect(page.replace(own, '')).not.toMatch(/TypeError|<script|<img|Q<I>/);
});

test('the index lists every good night and names each report that cannot be read', async () => {
  const { status, page } = await ask('/');
  expect(status).toBe(200);
  for (const session of GOOD) expect(page).toContain(`href="/nights/${session}"`);
  expect(page.match(/href="\/nights\//g)).toHaveLength(GOOD.length);
  for (const { date } of dated) expect(page).toContain(`reports/date=${date}/night.json`);
});

test.each(dated)('the page of a night whose report is $name says what is wrong with it', async ({ date }) => {
  const { status, page } = await ask(`/nights/${date}`);
  expect(status).toBe(500);
  expect(page).toMatch(new RegExp(`Lake\\.Corrupt: reports/date=${date}/night\\.json`));
});

test('a good night beside unreadable ones keeps its page', async () => {
  expect(await ask(`/nights/${GOOD[1]}`)).toMatchObject({ status: 200, page: expect.stringContaining(GOOD[0]!) });
});

test('a port that is taken is said in one sentence, with what to do', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const said = await afterbell(['report', '--serve', '--port', String(port)], env);
  taken.close();
  expect([said.code, said.stderr]).toEqual([
    2,
    `Usage.Invalid: port ${port} cannot be used; found another program listens on it. Give --port another number, or leave --port out for any free one.\n`,
  ]);
});

test.each(['x', '-1', '65536', '1e3', '0x50', ' 80', '80.5', ''])('--port %j is refused by name', async (given) => {
  for (const command of [['report', '--serve'], ['market']]) {
    const said = await afterbell([...command, '--port', given], env);
    expect([said.code, said.stderr]).toEqual([2, expect.stringContaining(`--port ${given} is no port`)]);
  }
});
