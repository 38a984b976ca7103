import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { readHome } from '../../src/local/home.ts';
import { type Laptop, openLaptop } from '../../src/local/laptop.ts';
import { program } from '../nights/program.ts';
import { scratch } from '../nights/scene.ts';
import { browserPath, openBrowser } from '../report/browser.ts';
import { skipped } from '../terraform/tooling.ts';

const path = browserPath();
if (!path) skipped('no Chromium on this machine, so no hostile page is tried in a browser (apt-get install chromium)');

let laptop: Laptop;
let endpoints: Record<string, string>;
const pages = createServer((_request, response) =>
  response.setHeader('content-type', 'text/html').end('<title>elsewhere</title><iframe name="sink"></iframe>'),
);

beforeAll(async () => {
  const home = scratch();
  laptop = await openLaptop({ config: loadConfig({ AFTERBELL_HOME: home, SYMBOLS: '20' }), program });
  endpoints = (await readHome(home))!.endpoints;
  pages.listen(0, '127.0.0.1');
  await once(pages, 'listening');
});
afterAll(async () => {
  pages.close();
  pages.closeAllConnections();
  await laptop?.close();
});

/** Runs in the page: everything it can send to another origin, and what it got to see of the answers. */
const ATTACK = `async ({ aws, dynamodb, market, table }) => {
  const seen = [];
  const attempt = async (name, work) => {
    try {
      const answer = await work();
      seen.push(name + ': ' + (answer.type === 'opaque' ? 'opaque' : answer.status + ' ' + (await answer.text()).slice(0, 80)));
    } catch (error) {
      seen.push(name + ': ' + error.name);
    }
  };
  const sql = (name) => JSON.stringify({ resourceArn: 'a', secretArn: 'b', sql: 'CREATE TABLE hostile_' + name + ' (n int)' });
  const text = { 'content-type': 'text/plain' };
  const authorization = 'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0';
  const dynamo = (name) => ({ 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'DynamoDB_20120810.' + name, 'x-amz-date': '20260101T000000Z', authorization });
  const put = JSON.stringify({ TableName: table, Item: { id: { S: 'hostile' } } });
  const post = (url, headers, body, mode = 'cors') => fetch(url, { method: 'POST', mode, headers, body });
  await attempt('text', () => post(aws + '/Execute', text, sql('text'), 'no-cors'));
  await attempt('json', () => post(aws + '/Execute', { 'content-type': 'application/json' }, sql('json')));
  await attempt('put', () => post(dynamodb, dynamo('PutItem'), put));
  await attempt('list', () => post(dynamodb, dynamo('ListTables'), '{}'));
  await attempt('market', () => fetch(market + '/v3/reference/tickers?apiKey=x'));
  navigator.sendBeacon(aws + '/Execute', sql('beacon'));
  const form = document.createElement('form');
  Object.assign(form, { method: 'POST', action: aws + '/Execute', enctype: 'text/plain', target: 'sink' });
  const field = document.createElement('input');
  // The equals sign of a text/plain form ends up inside a JSON string.
  field.name = sql('form').slice(0, -1) + ',"database":"';
  field.value = '"}';
  form.append(field);
  document.body.append(form);
  const answered = new Promise((resolve) => document.querySelector('iframe').addEventListener('load', resolve, { once: true }));
  form.submit();
  await answered;
  return seen;
}`;

test.runIf(path)('a page in a real browser changes nothing, reads nothing and is answered by no server', async () => {
  const context = await openBrowser(path!, { width: 800, colorScheme: 'light' });
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
  const { config, warehouse, tables } = laptop.stores;
  const market = laptop.vendors.environment.POLYGON_BASE_URL;
  const given = { aws: endpoints.aws, dynamodb: endpoints.dynamodb, market, table: config.RUNS_TABLE };
  const statuses: string[] = [];
  page.on('response', (answer) => {
    const { port } = new URL(answer.url());
    if (answer.url().startsWith(page.url())) return;
    const name = Object.entries(given).find(([, url]) => url === `http://127.0.0.1:${port}`)?.[0];
    statuses.push(`${name} ${answer.status()}`);
  });
  const seen = await page.evaluate(`(${ATTACK})(${JSON.stringify(given)})`);
  expect(seen).toEqual(['text: opaque', 'json: TypeError', 'put: TypeError', 'list: TypeError', 'market: TypeError']);
  expect(new Set(statuses.map((line) => line.split(' ')[1]))).toEqual(new Set(['403']));
  expect(await warehouse.query("SELECT tablename FROM pg_tables WHERE tablename LIKE 'hostile%'")).toEqual([]);
  const Key = { id: { S: 'hostile' } };
  expect(
    (await tables.send(new GetItemCommand({ TableName: config.RUNS_TABLE, Key }) as never)) as object,
  ).not.toHaveProperty('Item');
});
