import { factorDifferences } from '../checks/split-factors.ts';
import { contentHash } from '../records/record.ts';
import { dropRepeatedSplits, parseSplits, type Split, splitKey } from '../records/split.ts';
import type { Polygon } from '../vendors/polygon.ts';
import type { Warehouse } from '../warehouse/client.ts';
import { storedSplits, storeSplits } from '../warehouse/reference.ts';
import type { ReferenceSource, Sink } from './dataset.ts';

/** Of splits that the vendor changed or took back so many are named. */
const NAMED = 20;

/**
 * Every split the vendor has, announced ones included: only a complete list shows that one was corrected or taken
 * back. The resampler applies those in force on the newest session.
 */
export function splitsSource(
  vendor: () => Polygon,
  warehouse: Warehouse,
  signal?: AbortSignal,
): ReferenceSource<Split> {
  return {
    task: 'sync-splits',
    dataset: 'splits',
    barsFollow: true,
    partitions: ['all'],
    pages: (_all, from) => vendor().splitPages({ ...from, signal }),
    parse: parseSplits,
    settle: dropRepeatedSplits,
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
  const differences = factorDifferences(records, session);
  const notes = differences.slice(0, NAMED).map((difference) => {
    const [ours, vendors] = [difference.ours, difference.vendors].map((factor) => Number(factor.toPrecision(6)));
    return `${dayOf(difference)}: our splits multiply earlier prices by ${ours}, the vendor's factor is ${vendors}`;
  });
  const more = differences.length - notes.length;
  return more > 0 ? [...notes, `${more} more factors of the vendor differ from ours`] : notes;
}

function dayOf({ symbol, executionDate }: Pick<Split, 'symbol' | 'executionDate'>): string {
  return `${symbol} ${executionDate}`;
}

function ratio({ splitFrom, splitTo }: Split): string {
  return `${splitTo} for ${splitFrom}`;
}
