import { inFlight } from '../concurrency.ts';
import { jsonOrUndefined } from '../text.ts';
import { dateOfKey, keys, type Lake, listAll } from './lake.ts';

/** A refused row, as `quarantine/date=D.jsonl` and the staged rows beside a session keep it. */
export interface QuarantineEntry {
  dataset: string;
  symbol: string;
  reason: string;
  row: unknown;
}

/** A line as it stands, and what it says; undefined for a torn one. */
export interface QuarantineLine {
  text: string;
  entry: QuarantineEntry | undefined;
}

export function parseQuarantine(bytes: Uint8Array | undefined): QuarantineLine[] {
  const texts = bytes ? Buffer.from(bytes).toString('utf8').split('\n').filter(Boolean) : [];
  return texts.map((text) => ({ text, entry: entryOf(text) }));
}

function entryOf(text: string): QuarantineEntry | undefined {
  const { dataset, symbol, reason, row } = (jsonOrUndefined(text) ?? {}) as Record<string, unknown>;
  if (typeof dataset !== 'string') return undefined;
  return { dataset, symbol: textIn(symbol), reason: textIn(reason), row: row ?? null };
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);
}

/** A refused row with the session it came for. */
export interface QuarantinedRow extends QuarantineEntry {
  session: string;
}

const READERS = 16;

/** The refused rows of every session, or of these, in order of session, dataset and symbol. */
export async function quarantined(
  lake: Lake,
  { sessions, signal }: { sessions?: readonly string[]; signal?: AbortSignal } = {},
): Promise<QuarantinedRow[]> {
  const dates = sessions ?? (await listAll(lake, keys.quarantineOf)).flatMap(({ key }) => dateOfKey(key) ?? []);
  const found = new Map<string, QuarantineEntry[]>();
  const read = async (date: string) => void found.set(date, await quarantinedOn(lake, date));
  await inFlight(dates, READERS, read, signal);
  const place = ({ dataset, symbol }: QuarantineEntry) => `${dataset} ${symbol}`;
  return dates.toSorted().flatMap((session) => {
    const rows = found.get(session)!.toSorted((a, b) => (place(a) < place(b) ? -1 : 1));
    return rows.map((row) => ({ session, ...row }));
  });
}

/** The refused rows of a session, a torn line as one of them that says what to do. */
export async function quarantinedOn(lake: Lake, session: string): Promise<QuarantineEntry[]> {
  const key = keys.quarantine(session);
  return parseQuarantine(await lake.read(key)).map(({ text, entry }, place) => {
    const reason = `line ${place + 1} of ${key} is torn: delete it; npx afterbell night --session ${session} checks its rows again`;
    return entry ?? { dataset: 'quarantine', symbol: '', reason, row: text };
  });
}
