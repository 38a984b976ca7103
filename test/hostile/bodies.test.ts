import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createBrotliCompress, createDeflate, createGzip, gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { startLoopbackS3 } from '../../scripts/bench/loopback-s3.ts';
import { MIB } from '../../src/body.ts';
import { startAwsServer } from '../../src/local/aws/server.ts';
import { randomCredentials } from '../../src/local/aws/signature.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import { startMarket } from '../../src/local/market/start-market.ts';
import { alpaca } from '../../src/vendors/alpaca.ts';
import { flatFiles, openFileSource } from '../../src/vendors/flat-files.ts';
import { fmp } from '../../src/vendors/fmp.ts';
import { ishares } from '../../src/vendors/ishares.ts';
import { polygon } from '../../src/vendors/polygon.ts';
import { xai } from '../../src/vendors/xai.ts';
import { send, sign } from '../local/aws/signed.ts';
import { openScene, scratch } from '../nights/scene.ts';
import { type Loopback, startLoopback } from '../vendors/loopback.ts';

interface Input {
  name: string;
  door: string;
  /** So many MiB of zeros, or so many rows as the door has them. */
  mib?: number;
  rows?: number;
  status?: number;
  encoding?: 'gzip' | 'br' | 'deflate';
  /** The unpacked size that a gzip's end declares. */
  declared?: number;
  link?: string;
  expected: { error?: string; says?: string; readMib?: number; requests?: number; rows?: number; status?: number };
}
const inputs = JSON.parse(readFileSync(new URL('bodies.json', import.meta.url), 'utf8')) as Input[];
const at = (...doors: string[]) => inputs.filter(({ door }) => doors.includes(door));

const DATE = '2024-03-01';
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function* zeros(mib: number) {
  const chunk = Buffer.alloc(MIB, '0');
  for (let sent = 0; sent < mib; sent += 1) yield chunk;
}

const SYMBOL = (row: number) => `S${String(row).padStart(5, '0')}`;
const BAR = { o: 101.1234, h: 102.5678, l: 99.8765, c: 100.4321, v: 123_456_789, vw: 100.9876, n: 123_456 };
const ASSET = { class: 'us_equity', exchange: 'NASDAQ', name: 'A company with a name '.repeat(4), status: 'active' };

function rowsOf(door: string, count: number): string {
  const numbers = Array.from({ length: count }, (_, row) => row);
  if (door === 'alpaca') return JSON.stringify(numbers.map((row) => ({ ...ASSET, id: `${row}`, symbol: SYMBOL(row) })));
  const t = Date.parse(`${DATE}T21:00:00Z`);
  const results = numbers.map((row) => ({ T: SYMBOL(row), ...BAR, t }));
  return JSON.stringify({ status: 'OK', adjusted: false, queryCount: count, resultsCount: count, count, results });
}

function flatFile({ mib, rows = 0, declared }: Input): Buffer {
  const head = 'ticker,volume,open,close,high,low,window_start,transactions\n';
  const lines = Array.from({ length: rows }, (_, row) => `${SYMBOL(row)},123456,101.5,100.25,102.75,99.5,0,1234\n`);
  const packed = gzipSync(mib === undefined ? head + lines.join('') : Buffer.alloc(mib * MIB, '0'));
  if (declared !== undefined) packed.writeUInt32LE(declared, packed.length - 4);
  return packed;
}

const PACKERS = { gzip: createGzip, br: createBrotliCompress, deflate: createDeflate };

async function serve({ door, mib, rows = 0, encoding, status = 200 }: Input): Promise<Loopback> {
  const server = await startLoopback((response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'text/plain', ...(encoding && { 'content-encoding': encoding }) });
    const body = Readable.from(mib === undefined ? [Buffer.from(rowsOf(door, rows))] : zeros(mib));
    const packer = encoding && PACKERS[encoding]();
    response.on('close', () => body.destroy());
    (packer ? body.pipe(packer) : body).pipe(response);
  });
  closers.push(server.close);
  return server;
}

/** Counts what is taken out of a body, after decompression. */
function countingFetch() {
  const read = { bytes: 0 };
  const counted: typeof fetch = async (...asked) => {
    const response = await fetch(...asked);
    const count = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, to) {
        read.bytes += chunk.length;
        to.enqueue(chunk);
      },
    });
    return new Response(response.body?.pipeThrough(count), response);
  };
  return { read, fetch: counted };
}

const ASKERS: Record<string, (url: string, http: object) => Promise<unknown[]>> = {
  alpaca: async (baseUrl, http) => {
    for await (const { rows } of alpaca({ baseUrl, keyId: 'x', secretKey: 'x', http }).assetPages()) return rows;
    return [];
  },
  polygon: async (baseUrl, http) =>
    (await polygon({ baseUrl, apiKey: 'x', callsPerMinute: 0, maxPages: 9, http }).grouped(DATE)).rows,
  tickers: async (baseUrl, http) => {
    const client = polygon({ baseUrl, apiKey: 'x', callsPerMinute: 0, maxPages: 9, http });
    for await (const { rows } of client.tickerPages({ market: 'stocks', startPage: 1, seenCursors: [] })) return rows;
    return [];
  },
  ishares: async (url, http) => (await ishares({ uri: `${url}/holdings.csv`, http }).holdings()).rows,
  fmp: async (baseUrl, http) => (await fmp({ baseUrl, apiKey: 'x', callsPerMinute: 0, http }).dcf('AAPL')).rows,
  'fmp-bulk': async (baseUrl, http) => (await fmp({ baseUrl, apiKey: 'x', callsPerMinute: 0, http }).dcfBulk()).rows,
  xai: async (url, http) => {
    const model = xai({ baseUrl: `${url}/v1`, apiKey: 'x', http });
    const format = { type: 'json_schema', json_schema: { name: 'x', strict: true, schema: {} } } as const;
    return [await model.submit({ model: 'm', messages: [], response_format: format, max_completion_tokens: 1 })];
  },
};

test.each(at(...Object.keys(ASKERS)))('$name, from a vendor', async (input) => {
  const { expected } = input;
  const server = await serve(input);
  const { read, fetch } = countingFetch();
  const asked = ASKERS[input.door]!(server.url, { fetch, sleep: async () => {} });
  if (expected.error === undefined) expect(await asked).toHaveLength(expected.rows!);
  else {
    const message = expect.stringContaining(expected.says!);
    await expect(asked).rejects.toMatchObject({ name: expected.error, message });
    expect(read.bytes).toBeLessThanOrEqual(expected.readMib! * MIB);
    expect(server.requests).toHaveLength(expected.requests!);
  }
});

test.each(at('flat-file', 'bucket'))('$name', async (input) => {
  const { expected } = input;
  let place: Parameters<typeof flatFiles>[0];
  if (input.door === 'bucket') {
    const s3 = await startLoopbackS3();
    closers.push(s3.close);
    const bytes = input.mib === undefined ? flatFile(input) : Buffer.alloc(input.mib * MIB);
    s3.objects.set(`/flatfiles/us_stocks_sip/day_aggs_v1/2024/03/${DATE}.csv.gz`, { bytes, etag: '"1"' });
    place = openFileSource('s3://flatfiles', s3.url, { keyId: 'id', secret: 'word' });
  } else {
    place = scratch();
    const folder = join(place, '2024', '03');
    mkdirSync(folder, { recursive: true });
    if (input.link) symlinkSync(input.link, join(folder, `${DATE}.csv.gz`));
    else writeFileSync(join(folder, `${DATE}.csv.gz`), flatFile(input));
  }
  const read = flatFiles(place).session(DATE);
  if (expected.error === undefined) expect((await read).rows).toHaveLength(expected.rows!);
  else {
    const message = expect.stringContaining(expected.says!);
    await expect(read).rejects.toMatchObject({ name: expected.error, message });
  }
});

const credentials = randomCredentials();

test.each(at('laptop', 'market'))('$name is refused', async ({ door, mib, expected }) => {
  const server =
    door === 'laptop'
      ? await startAwsServer({ credentials: [credentials], onError: () => undefined })
      : await startMarket({ source: generateMarket({ symbols: 5, seed: 1 }) });
  closers.push(server.close);
  const path = door === 'laptop' ? '/Execute' : '/v1/chat/completions';
  const json = { 'content-type': 'application/json' };
  const raw = { path, headers: { ...json, authorization: 'Bearer x' }, body: '0'.repeat(mib! * MIB) };
  const sent = door === 'laptop' ? await sign(server.url, { ...raw, headers: json }, credentials) : raw;
  expect((await send(server.url, sent)).status).toBe(expected.status);
});

test('a night whose list of assets is a gzip bomb fails this list by name and does everything else', async () => {
  const vendor = await serve({ ...inputs[0]!, mib: 2000 });
  const scene = await openScene({ env: { ALPACA_BASE_URL: vendor.url } });
  const { outcome } = await scene.run({ scheduledTime: '2025-11-20T09:00:00Z' });
  const assets = outcome.datasets.find(({ name }) => name === 'assets');
  expect(assets).toMatchObject({ status: 'failed' });
  expect(JSON.stringify(assets)).toContain("Data.Invalid: Alpaca's answer to GET /v2/assets is too large");
  expect(outcome.status).toBe('Partial');
  expect(outcome.datasets.filter(({ status }) => status === 'failed')).toHaveLength(1);
});
