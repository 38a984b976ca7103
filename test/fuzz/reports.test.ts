import fc from 'fast-check';
import { expect } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { readReport } from '../../src/lake/reports.ts';
import { encodeBars } from '../../src/lake/session-files.ts';
import { keyOf } from '../../src/records/symbol.ts';
import { readHistory } from '../../src/report/data.ts';
import { reportPage } from '../../src/report/page.ts';
import { openSite, pageFor } from '../../src/report/serve.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import { bar, publish } from '../lake/published.ts';
import { nightReport } from '../report/night-report.ts';
import { door, jsonLike, textLike } from './door.ts';

const DATE = '2026-11-25';
const NIGHT = nightReport({
  status: 'Held',
  sessions: { published: ['2026-11-24'], held: [DATE], failed: [] },
  reasonDetails: [{ dataset: 'prices', session: DATE, symbol: 'AAPL', error: 'Data.Invalid', text: 't' } as never],
});

/** A lake of two sessions and a night; made once, since nobody writes to it but the doors. */
const lake = new MemoryLake();
for (const date of ['2026-11-24', DATE])
  await publish(
    lake,
    date,
    ['AAPL', 'BRK.B', 'KIMpL'].map((symbol) => bar(symbol, date)),
  );
await lake.write(keys.symbol('AAPL'), encodeBars(['2026-11-24', DATE].map((date) => bar('AAPL', date))));
await lake.write(
  keys.report('2026-11-24', 'night.json'),
  Buffer.from(JSON.stringify(nightReport({ session: '2026-11-24' }))),
);

/** Nothing of the text that was read becomes markup. */
function isPage(page: string): void {
  expect(page.startsWith('<!doctype html>')).toBe(true);
  expect(page).not.toMatch(/<script|<b>&"|[\0]/);
  expect(page.length).toBeLessThan(4_000_000);
}

const key = keys.report(DATE, 'night.json');
door('night.json', {
  inputs: jsonLike([NIGHT, nightReport()]),
  enter: async (text) => {
    await lake.write(key, Buffer.from(text));
    const report = await readReport(lake, key);
    isPage(await reportPage(report!, await readHistory(lake, report!, ['AAPL'])));
  },
  kept: {
    'a state that took no time': () =>
      JSON.stringify({ ...NIGHT, stages: [{ state: 'Open Night', seconds: null, retries: 0 }] }),
  },
  slower: 4,
});

door('quarantined rows', {
  inputs: textLike([
    '{"dataset":"prices","symbol":"A","reason":"r","row":{"T":"A"}}\n{"dataset":"assets","symbol":"","reason":"r","row":null}\n',
  ]).chain((text) =>
    fc.oneof(fc.constant(text), jsonLike([{ dataset: 'prices', symbol: 'A', reason: 'r', row: { T: 1 } }])),
  ),
  enter: async (text) => {
    await lake.write(key, Buffer.from(JSON.stringify(NIGHT)));
    await lake.write(keys.quarantine(DATE), Buffer.from(text));
    const { quarantine, unread } = await readHistory(lake, NIGHT, []);
    expect(unread).toEqual([]);
    for (const row of quarantine?.rows ?? []) expect(row.every((cell) => typeof cell === 'string')).toBe(true);
  },
  kept: {
    'a line without its row': () => '{"dataset":"prices","symbol":"A","reason":"r"}\n',
    'a symbol that is an object without a text': () =>
      '{"dataset":"prices","symbol":{"toString":1},"reason":[],"row":1}\n',
  },
});

const PATHS = [
  '/',
  `/nights/${DATE}`,
  '/nights/2026-11-24',
  '/symbols?symbol=AAPL',
  '/symbols?symbol=KIMpL',
  '/symbols?symbol=A%2FB',
];
const site = openSite(lake, ['AAPL']);
door('report --serve', {
  inputs: fc.record({
    url: fc.oneof(
      textLike(PATHS),
      fc.webPath(),
      fc.constantFrom('*', '//', '//[', 'http://[::', '/nights/0000-00-00', '/%'),
    ),
    method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST', 'OPTIONS', 'get', ''),
  }),
  enter: async (request) => {
    await lake.write(key, Buffer.from(JSON.stringify(NIGHT)));
    const { status, page } = await pageFor(request, site);
    expect([200, 400, 404]).toContain(status);
    isPage(page);
    return String(status);
  },
  slower: 2,
});

door('symbols as keys', {
  inputs: fc.string({ unit: 'binary', maxLength: 20 }),
  enter: (symbol) => expect(keyOf(symbol)).not.toMatch(/[/\\\0]|^\.\.$/),
});
