import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { NamedError } from '../../src/errors.ts';
import { listingFinder, parseIndexMembers } from '../../src/records/index-member.ts';
import { ishares } from '../../src/vendors/ishares.ts';
import { type Loopback, send, startLoopback } from './loopback.ts';

interface Fixture {
  title: string;
  status: number;
  headers?: Record<string, string>;
  bodyText: string;
  expected: {
    asOf?: string;
    rows?: string[];
    rejected?: [string, string][];
    leftOut?: string[];
    error?: string;
    says?: string[];
    requests?: number;
  };
}

/** The reference list of the fixtures: class shares with their dots, a delisted namesake, a unit. */
const KNOWN = [
  'FTAI',
  'MOG.A',
  'CRD.A',
  'GEF.B',
  'BF.A',
  'BRK.B',
  'RUSHA',
  'ZETA',
  'CON',
  'TRUE',
  'NA',
  'CBOEX',
  'TWICE',
];
const find = listingFinder([
  ...KNOWN.map((symbol) => ({ symbol, active: true })),
  { symbol: 'BFA', active: false },
  { symbol: 'GHOST.U', active: true },
]);
const folder = new URL('../fixtures/ishares/', import.meta.url);
const scratch = mkdtempSync(join(tmpdir(), 'afterbell-holdings-'));
let server: Loopback | undefined;
afterEach(() => server?.close());
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('ishares answers', () => {
  for (const file of readdirSync(folder).sort()) {
    const fixture = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Fixture;
    test(`${file}: ${fixture.title}`, () => checkWeb(fixture));
    if (fixture.status === 200) test(`${file} as a file of this machine`, () => checkFile(file, fixture));
  }
});

async function checkWeb({ status, headers, bodyText, expected }: Fixture) {
  const loopback = await startLoopback((response) => send(response, status, bodyText, headers));
  server = loopback;
  await check(`${loopback.url}/holdings.ajax?fileType=csv`, expected);
  expect(loopback.requests).toHaveLength(expected.requests ?? 1);
  expect(loopback.requests[0]).toMatchObject({
    path: '/holdings.ajax?fileType=csv',
    headers: { 'user-agent': expect.stringContaining('afterbell') },
  });
}

async function checkFile(file: string, { bodyText, expected }: Fixture) {
  const path = join(scratch, `${file}.csv`);
  writeFileSync(path, bodyText);
  await check(path, expected);
}

async function check(uri: string, expected: Fixture['expected']) {
  const asked = ishares({ uri, http: { sleep: async () => {} } }).holdings();
  if (expected.error !== undefined) {
    const error = (await asked.then(
      () => undefined,
      (thrown) => thrown,
    )) as NamedError;
    expect([error?.name, error?.message]).toEqual([expected.error, expect.anything()]);
    for (const words of expected.says ?? []) expect(error.message).toContain(words);
    return;
  }
  const { asOf, rows } = await asked;
  const parsed = parseIndexMembers(rows, { index: 'russell_2000', asOf }, find);
  expect(asOf).toBe(expected.asOf);
  expect(parsed.records.map(({ symbol }) => symbol)).toEqual(expected.rows);
  expect(parsed.rejected.map(({ symbol, reason }) => [symbol, reason])).toEqual(expected.rejected ?? []);
  expect(parsed.excluded.map(({ symbol }) => symbol)).toEqual(expected.leftOut ?? []);
}

const CSV = 'Fund Holdings as of,"Nov 19, 2025"\nTicker,Name,Asset Class,Price,Exchange\nCON,C,Equity,1.00,NASDAQ\n';

test('a path, a file:// address and an s3:// address are read without asking what they are', async () => {
  const path = join(scratch, 'ein Blatt.csv');
  writeFileSync(path, CSV);
  const objects: Record<string, string> = { 's3://bucket/folder/iwm.csv': CSV };
  const readObject = async (uri: string) => objects[uri] && Buffer.from(objects[uri]);
  for (const uri of [path, pathToFileURL(path).href, 's3://bucket/folder/iwm.csv']) {
    const { asOf, rows, practice } = await ishares({ uri, readObject: readObject as never }).holdings();
    expect([asOf, rows.length, practice]).toEqual(['2025-11-19', 1, undefined]);
  }
});

test('no setting, no file, and a file that cannot be read are named', async () => {
  expect(() => ishares({ uri: undefined })).toThrow(expect.objectContaining({ name: 'Vendor.KeyMissing' }));
  const nowhere = join(scratch, 'nowhere.csv');
  await expect(ishares({ uri: nowhere }).holdings()).rejects.toMatchObject({
    name: 'Vendor.NotFound',
    message: expect.stringContaining(nowhere),
  });
  await expect(ishares({ uri: scratch }).holdings()).rejects.toMatchObject({ name: 'Vendor.Unavailable' });
  expect(() => ishares({ uri: 's3://bucket' })).toThrow(expect.objectContaining({ name: 'Config.Invalid' }));
});
