import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { NamedError } from '../../src/errors.ts';
import { readProfile } from '../../src/records/company.ts';
import type { Reading } from '../../src/records/record.ts';
import { readValuation } from '../../src/records/valuation.ts';
import { byFmpSymbol, type FmpRows, fmp, fmpSymbol } from '../../src/vendors/fmp.ts';
import { type Loopback, send, startLoopback } from './loopback.ts';

interface Fixture {
  title: string;
  request: {
    call: 'dcf' | 'dcf-bulk' | 'profile' | 'profile-bulk';
    symbol?: string;
    symbols?: string[];
    part?: number;
  };
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
  bodyText?: string;
  /** `record` or `records` as they are stored, or why there is none, or the error by its name. */
  expected: {
    record?: object;
    records?: object[];
    empty?: string;
    invalid?: string;
    error?: string;
    says?: string[];
    requests?: number;
    asked?: string;
  };
}

const SECRET = 'fk-secret-0123456789';
const folder = new URL('../fixtures/fmp/', import.meta.url);
let server: Loopback | undefined;
afterEach(() => server?.close());

describe('FMP answers', () => {
  for (const file of readdirSync(folder).sort()) {
    const fixture = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Fixture;
    test(`${file}: ${fixture.title}`, () => check(fixture));
  }
});

async function check({ request, status, headers, body, bodyText, expected }: Fixture): Promise<void> {
  const loopback = await startLoopback((response) => send(response, status, bodyText ?? body, headers));
  server = loopback;
  const client = fmp({ baseUrl: loopback.url, apiKey: SECRET, callsPerMinute: 0, http: { sleep: async () => {} } });
  const { call, symbol = '', symbols = [], part = 0 } = request;
  const calls = {
    dcf: () => client.dcf(symbol),
    'dcf-bulk': () => client.dcfBulk(),
    profile: () => client.profile(symbol),
    'profile-bulk': () => client.profileBulk(part),
  };
  const answer = await calls[call]().catch((error: unknown) => error);
  expect(loopback.requests).toHaveLength(expected.requests ?? 1);
  for (const { path, headers: sent } of loopback.requests) {
    if (expected.asked !== undefined) expect(path).toBe(expected.asked);
    expect(path).not.toContain(SECRET);
    expect(sent.apikey).toBe(SECRET);
  }
  if (expected.error !== undefined) {
    expect(answer).toBeInstanceOf(NamedError);
    const { name, message } = answer as NamedError;
    expect([name, message]).toEqual([expected.error, expect.not.stringContaining(SECRET)]);
    for (const words of expected.says ?? []) expect(message).toContain(words);
    return;
  }
  const { rows } = answer as FmpRows;
  if (expected.records) return expect(recordsOf(call, symbols, rows)).toEqual(expected.records);
  const reading = read(call, symbol, rows);
  if (expected.record) expect(reading).toEqual({ kind: 'record', record: expected.record });
  else if (expected.empty !== undefined) expect(reading).toEqual({ kind: 'empty', reason: expected.empty });
  else expect(reading).toEqual({ kind: 'invalid', reason: expect.stringContaining(expected.invalid!), row: rows[0] });
}

function read(call: Fixture['request']['call'], symbol: string, rows: readonly unknown[]): Reading<object> {
  const asked = fmpSymbol(symbol);
  return call.startsWith('dcf') ? readValuation(symbol, asked, rows) : readProfile(asked, rows);
}

function recordsOf(call: Fixture['request']['call'], symbols: readonly string[], rows: readonly unknown[]): object[] {
  const ours = byFmpSymbol(symbols);
  return (rows as { symbol: string }[]).flatMap((row) => {
    const symbol = ours.get(row.symbol);
    const reading = symbol === undefined ? undefined : read(call, symbol, [row]);
    return reading?.kind === 'record' ? [reading.record] : [];
  });
}

test('without a key nothing is asked, and the setting is named', () => {
  expect(() => fmp({ baseUrl: 'https://fmp.test', apiKey: ' ', callsPerMinute: 0 })).toThrow(
    /FMP_API_KEY empty or not set/,
  );
});

test.each([
  ['AAPL', 'AAPL'],
  ['BRK.B', 'BRK-B'],
  ['KIMpL', 'KIM-PL'],
  ['ABC.WS', 'ABC-WT'],
  ['ABC.U', 'ABC-UN'],
  ['TRUE', 'TRUE'],
  ['BAC-I', 'BAC-I'],
])('%s is %s at FMP', (ours, theirs) => {
  expect(fmpSymbol(ours)).toBe(theirs);
});

test('a spelling leads back to the one symbol it stands for, and to none when two share it', () => {
  expect(byFmpSymbol(['BRK.B', 'A']).get('BRK-B')).toBe('BRK.B');
  expect(byFmpSymbol(['BRK.B', 'BRK-B'])).toEqual(new Map());
  const symbol = fc.stringMatching(/^[A-Z]{1,4}(\.[A-Z]|p[A-Z]|\.WS|\.U|-[A-Z])?$/);
  fc.assert(
    fc.property(fc.uniqueArray(symbol), (symbols) => {
      for (const [theirs, ours] of byFmpSymbol(symbols)) expect(fmpSymbol(ours)).toBe(theirs);
    }),
  );
});
