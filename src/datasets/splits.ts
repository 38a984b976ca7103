import { factorDifferences } from '../checks/split-factors.ts';
import type { Lake } from '../lake/lake.ts';
import { contentHash, groupedBy } from '../records/record.ts';
import { dropRepeatedSplits, parseSplits, type Split, splitKey } from '../records/split.ts';
import { figure } from '../text.ts';
import { type Polygon, polygonOf } from '../vendors/polygon.ts';
import type { Warehouse } from '../warehouse/client.ts';
import { splitIn, storedSplits, storeSplits } from '../warehouse/reference.ts';
import { type ListDataset, NAMED, type OpenList, type Sink, shortened } from './dataset.ts';
import { type Fields, firstSeen, lastList, readEvidence, readList } from './snapshots.ts';

const fields = {
  executionDate: 'date',
  splitFrom: 'double',
  splitTo: 'double',
  adjustmentType: 'text',
  historicalAdjustmentFactor: 'double',
} as const satisfies Fields;

/** Polygon's splits; what the resampler adjusts N-session bars by. */
export const splits: ListDataset<Split> = {
  name: 'splits',
  task: 'sync-splits',
  vendor: 'polygon',
  round: 0,
  fields,
  stored: {
    async check(lake, warehouse) {
      const { listed, lost } = await lostSplits(lake, warehouse);
      const problems = lost.length === 0 ? [] : [`${figure(lost.length)} splits of the newest list are not in it`];
      return { counted: `${figure(listed)} splits`, problems };
    },
    async load(lake, warehouse) {
      const { lost } = await lostSplits(lake, warehouse);
      if (lost.length === 0) return 0;
      const first = await firstSeen(lake, 'splits', {
        keyOf: (row) => splitKey(splitIn(row)),
        placeOf: (row) => dayOf(splitIn(row)),
      });
      for (const [date, written] of groupedBy(lost, (split) => first.get(splitKey(split))!))
        await storeSplits(warehouse, date, { written, gone: [] });
      return lost.length;
    },
  },
  source: (_request, { config, secrets, warehouse, signal }) =>
    splitsSource(() => polygonOf(config, secrets.polygon), warehouse, signal),
};

/**
 * Every split the vendor has, announced ones included: only a complete list shows that one was corrected or taken
 * back. The resampler applies those in force on the newest session.
 */
export function splitsSource(vendor: () => Polygon, warehouse: Warehouse, signal?: AbortSignal): OpenList<Split> {
  return {
    barsFollow: true,
    partitions: ['all'],
    pages: (_all, from) => vendor().splitPages({ ...from, signal }),
    parse: parseSplits,
    checkWhole: dropRepeatedSplits,
    keyOf: splitKey,
    // The vendor's factor moves with every later split of the symbol, which is no damage.
    watched: ['executionDate', 'splitFrom', 'splitTo'],
    sink: splitsSink(warehouse),
  };
}

function splitsSink(warehouse: Warehouse): Sink<Split> {
  return {
    known: async () => {
      const rows = (await storedSplits(warehouse)).map((split) => {
        const key = splitKey(split);
        return [key, { key, contentHash: contentHash(split), active: true, values: { ...split } }] as const;
      });
      return new Map(rows);
    },
    apply: async ({ added, changed, vanished }, { session }, records) => {
      const gone = vanished.map(({ values }) => values as unknown as Split);
      const written = [...added, ...changed].map(({ record }) => record);
      const stored = await storeSplits(warehouse, session, { written, gone });
      // Another ratio in the place of one that went, symbol and day for symbol and day.
      const left = [...gone];
      const corrections = added.flatMap(({ record }) => {
        const place = left.findIndex((split) => dayOf(split) === dayOf(record));
        return place < 0 ? [] : [{ record, before: left.splice(place, 1)[0]! }];
      });
      const corrected = corrections.map(
        ({ record, before }) => `${dayOf(record)}: was ${ratio(before)}, the vendor says ${ratio(record)} now`,
      );
      const withdrawn = left.map((split) => `${dayOf(split)}: ${ratio(split)} is no longer at the vendor`);
      const notes = [...corrected, ...withdrawn].slice(0, NAMED);
      return {
        new: Math.max(0, stored.new - corrections.length),
        changed: stored.changed + stored.gone,
        failed: [],
        notes: [...notes, ...factorNotes(records, session)].map((note) => `splits: ${note}`),
      };
    },
  };
}

function factorNotes(records: readonly Split[], session: string): string[] {
  const notes = factorDifferences(records, session).map((difference) => {
    const [ours, vendors] = [difference.ours, difference.vendors].map((factor) => Number(factor.toPrecision(6)));
    return `${dayOf(difference)}: our splits multiply earlier prices by ${ours}, the vendor's factor is ${vendors}`;
  });
  return shortened(notes, 'more factors of the vendor differ from ours');
}

/** Splits of the newest list that the warehouse lacks, or has otherwise. */
async function lostSplits(lake: Lake, warehouse: Warehouse): Promise<{ listed: number; lost: Split[] }> {
  const newest = await lastList(lake, 'splits', await readEvidence(warehouse));
  const listed = newest === undefined ? [] : (await readList(lake, 'splits', newest)).map(splitIn);
  const stored = new Map((await storedSplits(warehouse)).map((split) => [splitKey(split), split]));
  const lost = listed.filter((split) => {
    const row = stored.get(splitKey(split));
    return row === undefined || contentHash(row) !== contentHash(split);
  });
  return { listed: listed.length, lost };
}

function dayOf({ symbol, executionDate }: Pick<Split, 'symbol' | 'executionDate'>): string {
  return `${symbol} ${executionDate}`;
}

function ratio({ splitFrom, splitTo }: Split): string {
  return `${splitTo} for ${splitFrom}`;
}
