import { previousSession } from '../calendar/calendar.ts';
import { dividendDifferences } from '../checks/dividend-factors.ts';
import { splitFactorBetween } from '../checks/session-quality.ts';
import type { Lake } from '../lake/lake.ts';
import { publishedSessions, storedBars } from '../lake/session-files.ts';
import { readSplits } from '../lake/splits-list.ts';
import { type Dividend, dividendKey, dividendPlace, pairCorrections, parseDividends } from '../records/dividend.ts';
import { contentHash, groupedBy } from '../records/record.ts';
import { figure } from '../text.ts';
import { polygonOf } from '../vendors/polygon.ts';
import type { Warehouse } from '../warehouse/client.ts';
import { dividendIn, storeDividends, storedDividends } from '../warehouse/dividends.ts';
import { type ListDataset, type Sink, shortened } from './dataset.ts';
import { type Fields, firstSeen, lastList, readEvidence, readList, readNewestList } from './snapshots.ts';

const fields = {
  exDate: 'date',
  cashAmount: 'double',
  currency: 'text',
  distributionType: 'text',
  recordDate: 'date',
  payDate: 'date',
  declarationDate: 'date',
  frequency: 'integer',
  historicalAdjustmentFactor: 'double',
} as const satisfies Fields;

/** Fields of the dividend itself. The vendor's factor moves with every later dividend of the symbol, which is no change. */
const OWN = Object.keys(fields).filter((field) => field !== 'historicalAdjustmentFactor');

/** Polygon's cash dividends from DIVIDENDS_SINCE on, announced ones included; total returns are made of them on read. */
export const dividends: ListDataset<Dividend> = {
  name: 'dividends',
  task: 'sync-dividends',
  vendor: 'polygon',
  round: 0,
  fields,
  stored: {
    async check(lake, warehouse) {
      const { listed, lost, left } = await compareStored(lake, warehouse);
      const problems = [
        ...(lost.length > 0 ? [`${figure(lost.length)} dividends of the newest list are not in it`] : []),
        ...(left.length > 0 ? [`${figure(left.length)} dividends that the newest list lacks are still in it`] : []),
      ];
      return { counted: `${figure(listed)} dividends`, problems };
    },
    async load(lake, warehouse) {
      const { lost, left, list } = await compareStored(lake, warehouse);
      if (list === undefined) return 0;
      // What is left over goes first: the lists say how long each dividend is known, corrected ones too.
      await storeDividends(warehouse, list, { written: [], gone: left });
      if (lost.length === 0) return left.length;
      const first = await firstSeen(lake, 'dividends', {
        keyOf: (row) => dividendKey(dividendIn(row)),
        placeOf: (row) => dividendPlace(dividendIn(row)),
      });
      for (const [date, written] of groupedBy(lost, (dividend) => first.get(dividendKey(dividend))!))
        await storeDividends(warehouse, date, { written, gone: [] });
      return lost.length + left.length;
    },
  },
  source: (_request, { config, secrets, lake, warehouse, signal }) => ({
    partitions: ['all'],
    selection: `dividends since ${config.DIVIDENDS_SINCE}`,
    pages: (_all, from) =>
      polygonOf(config, secrets.polygon).dividendPages({ ...from, since: config.DIVIDENDS_SINCE, signal }),
    parse: parseDividends,
    keyOf: dividendKey,
    watched: OWN,
    sink: dividendsSink(lake, warehouse),
  }),
};

/**
 * What is known comes from the newest snapshot, which is read faster than a table of some hundred thousand rows. It is
 * written after the table, so that a killed publication is repeated from the same beginning.
 */
function dividendsSink(lake: Lake, warehouse: Warehouse): Sink<Dividend> {
  return {
    known: async () => {
      return new Map(
        (await newestDividends(lake)).map((dividend) => {
          const key = dividendKey(dividend);
          return [key, { key, contentHash: contentHash(dividend), active: true, values: { ...dividend } }];
        }),
      );
    },
    apply: async ({ added, changed, vanished }, { session }, records) => {
      const came = added.map(({ record }) => record);
      const gone = vanished.map(({ values }) => values as unknown as Dividend);
      const written = [...came, ...changed.map(({ record }) => record)];
      await storeDividends(warehouse, session, { written, gone });
      const { corrected, withdrawn } = pairCorrections(came, gone);
      const moved = changed.filter(({ record, before }) =>
        OWN.some((field) => (record as unknown as Record<string, unknown>)[field] !== before?.values[field]),
      );
      const notes = [
        ...corrected.map(
          ({ before, after }) => `${dayOf(before)}: was ${cash(before)}, the vendor says ${cash(after)} now`,
        ),
        ...withdrawn.map((dividend) => `${dayOf(dividend)}: ${cash(dividend)} is no longer at the vendor`),
      ];
      return {
        new: came.length - corrected.length,
        changed: moved.length + gone.length,
        failed: [],
        notes: [
          ...shortened(notes, 'more were corrected or taken back'),
          ...(await factorNotes(lake, records, session)),
        ].map((note) => `dividends: ${note}`),
      };
    },
  };
}

/** Ex-dividend days that are compared with the vendor's factors: those after the newest sessions, whose closes are read. */
const COMPARED = 5;

async function factorNotes(lake: Lake, records: readonly Dividend[], session: string): Promise<string[]> {
  const held = (await publishedSessions(lake)).map(({ date }) => date).filter((date) => date < session);
  const recent = new Set(held.slice(-COMPARED));
  const days = [...new Set(records.map(({ exDate }) => exDate))].filter(
    (day) => day <= session && recent.has(previousSession(day)),
  );
  if (days.length === 0) return [];
  const closes = new Map<string, ReadonlyMap<string, number>>();
  for (const day of days) {
    // A damaged session is named by those whose work it is.
    const bars = await storedBars(lake, previousSession(day)).catch(() => []);
    closes.set(day, new Map(bars.map(({ symbol, close }) => [symbol, close])));
  }
  const splits = groupedBy(await readSplits(lake).catch(() => []), ({ symbol }) => symbol);
  const differences = dividendDifferences(records, session, (symbol, day) => {
    const close = closes.get(day)?.get(symbol);
    if (close === undefined) return undefined;
    return close * (splitFactorBetween(splits.get(symbol) ?? [], previousSession(day), day) ?? 1);
  });
  const notes = differences.map(({ symbol, exDate, ours, vendors }) => {
    const factor =
      ours === undefined ? 'the cash is no less than the close before' : `our factor is ${ours.toFixed(6)}`;
    return `${symbol} ${exDate}: ${factor}, the vendor's is ${vendors}`;
  });
  return shortened(notes, 'more factors of the vendor differ from ours');
}

/** Dividends of the newest list; none where no list was ever stored. @throws Lake.Corrupt */
export async function newestDividends(lake: Lake): Promise<Dividend[]> {
  return (await readNewestList(lake, 'dividends')).map(dividendIn);
}

/** What the newest list has and the table lacks or has otherwise, and what the table has left over. */
async function compareStored(lake: Lake, warehouse: Warehouse) {
  const list = await lastList(lake, 'dividends', await readEvidence(warehouse));
  if (list === undefined) return { listed: 0, lost: [], left: [], list };
  const listed = (await readList(lake, 'dividends', list)).map(dividendIn);
  const stored = new Map((await storedDividends(warehouse)).map((dividend) => [dividendKey(dividend), dividend]));
  const lost = listed.filter((dividend) => {
    const row = stored.get(dividendKey(dividend));
    return row === undefined || contentHash(row) !== contentHash(dividend);
  });
  const known = new Set(listed.map(dividendKey));
  const left = [...stored].filter(([key]) => !known.has(key)).map(([, dividend]) => dividend);
  return { listed: listed.length, lost, left, list };
}

function dayOf({ symbol, exDate }: Dividend): string {
  return `${symbol} ${exDate}`;
}

function cash({ cashAmount, currency, distributionType }: Dividend): string {
  return `${cashAmount} ${currency} (${distributionType})`;
}
