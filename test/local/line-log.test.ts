import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eachLine, LONGEST_LINE, openLineLog } from '../../src/local/line-log.ts';
import { temporaryFolder } from './programs.ts';

const origin = { name: 'sync-tickers', id: 'r-1', stream: 'stdout' } as const;

test('a JSON line becomes a record, any other line text, an empty one nothing', async () => {
  const path = join(temporaryFolder(), 'log.jsonl');
  const log = openLineLog(path, () => new Date('2025-11-19T21:00:00Z'));
  for (const line of ['{"page":1}', '{not json', ' ', '"quoted"']) log.write(origin, line);
  await log.close();
  await log.close();
  const at = '2025-11-19T21:00:00.000Z';
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { at, ...origin, record: { page: 1 } },
    { at, ...origin, text: '{not json' },
    { at, ...origin, text: '"quoted"' },
  ]);
});

test('a log that cannot be written says so when it is closed, and not before', async () => {
  const log = openLineLog(join(temporaryFolder(), 'missing', 'log.jsonl'));
  log.write(origin, 'x');
  await expect(log.close()).rejects.toThrow('ENOENT');
});

test('lines do not depend on how the bytes arrive', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 7 }), async (text, size) => {
      const stream = new PassThrough();
      const lines: string[] = [];
      const ended = eachLine(stream, (line) => lines.push(line));
      const bytes = Buffer.from(text);
      for (let i = 0; i < bytes.length; i += size) stream.write(bytes.subarray(i, i + size));
      stream.end();
      await ended;
      expect(lines.join('\n')).toBe(bytes.toString().replace(/\n$/, ''));
    }),
  );
});

test('output without a line break comes in pieces while it still runs, so that none of it is gathered', async () => {
  const stream = new PassThrough();
  const pieces: number[] = [];
  const ended = eachLine(stream, (line) => pieces.push(line.length));
  const chunk = 'x'.repeat(LONGEST_LINE / 4);
  for (let written = 0; written < 20; written += 1) {
    if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve));
  }
  await new Promise(setImmediate);
  expect(pieces).toEqual(Array(4).fill(LONGEST_LINE));
  stream.end('x\nlast');
  await ended;
  expect(pieces).toEqual([...Array(5).fill(LONGEST_LINE), 1, 4]);
});
