import { NamedError } from '../errors.ts';
import { keys, type Lake } from '../lake/lake.ts';
import { parseQuarantine } from '../lake/quarantine-file.ts';
import { keptRow, type Rejected } from '../records/record.ts';
import { wellFormed } from '../text.ts';

/** Lanes end at the same time and share one file a date; a lost race is tried again. */
const TRIES = 10;

/** Longer than a symbol can be, so that a refused one is told from its like. */
const SYMBOL = 64;
const REASON = 500;

/** Rejected rows as JSON lines `{dataset, date, symbol, reason, row}`, their texts cut; the same rows give the same bytes. */
export function quarantineLines(dataset: string, date: string, rejected: readonly Rejected[]): string[] {
  return keptLines(
    dataset,
    date,
    rejected.map((one) => ({ ...one, row: keptRow(one.row) })),
  );
}

/** The same for rows that were cut when they were stored: cut twice, a text would tell a wrong length. */
export function keptLines(dataset: string, date: string, rejected: readonly Rejected[]): string[] {
  return rejected.map(({ symbol, reason, row }) =>
    JSON.stringify({
      dataset,
      date,
      symbol: wellFormed(symbol, SYMBOL),
      reason: wellFormed(reason, REASON),
      row,
    }),
  );
}

/**
 * Replaces one dataset's lines in `quarantine/date=D.jsonl`; no lines at all, no file. A torn line belongs to nobody
 * and stays; `status --failed` names it.
 */
export async function replaceQuarantine(
  lake: Lake,
  date: string,
  dataset: string,
  lines: readonly string[],
): Promise<void> {
  const key = keys.quarantine(date);
  for (let attempt = 1; ; attempt += 1) {
    const stored = await lake.open(key);
    const before = parseQuarantine(stored?.bytes);
    const others = before.filter(({ entry }) => entry?.dataset !== dataset).map(({ text }) => text);
    const after = [...others, ...lines].sort();
    if (after.join('\n') === before.map(({ text }) => text).join('\n')) return;
    if (after.length === 0) return lake.remove([key]);
    try {
      const bytes = Buffer.from(`${after.join('\n')}\n`);
      return await lake.write(key, bytes, stored ? { ifEtag: stored.etag } : { ifAbsent: true });
    } catch (error) {
      if (!(error instanceof NamedError) || error.name !== 'Lake.Conflict' || attempt === TRIES) throw error;
    }
  }
}
