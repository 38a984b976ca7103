import { contentHash } from '../records/content-hash.ts';
import { dropRepeatedSplits, parseSplits, type Split, splitKey } from '../records/split.ts';
import type { Polygon } from '../vendors/polygon.ts';
import type { Warehouse } from '../warehouse/client.ts';
import { storedSplits, storeSplits } from '../warehouse/splits.ts';
import type { ReferenceSource } from './reference-source.ts';
import type { Sink } from './sink.ts';

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
    apply: async ({ added, changed, vanished }, { session }) => {
      const gone = vanished.map(({ values }) => values as unknown as Split);
      const written = [...added, ...changed].map(({ record }) => record);
      const stored = await storeSplits(warehouse, session, { written, gone });
      const corrected = changed.map(({ record, before }) => {
        return `${splitKey(record)}: was ${ratio(before?.values as unknown as Split)}, the vendor says ${ratio(record)} now`;
      });
      const withdrawn = gone.map((split) => `${splitKey(split)}: ${ratio(split)} is no longer at the vendor`);
      const notes = [...corrected, ...withdrawn].slice(0, NAMED).map((note) => `splits: ${note}`);
      return { new: stored.new, changed: stored.changed + stored.gone, failed: [], notes };
    },
  };
}

function ratio({ splitFrom, splitTo }: Split): string {
  return `${splitTo} for ${splitFrom}`;
}
