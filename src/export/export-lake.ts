import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { sessionsBetween } from '../calendar/calendar.ts';
import { dateOf } from '../calendar/dates.ts';
import { stopIfAsked } from '../concurrency.ts';
import type { ExportFolder, Manifest, StoredFiles, StoredSymbol } from './export-folder.ts';
import type { BacktestFormat, Files, Making } from './format.ts';
import type { BarSummary, LakeBars } from './lake-bars.ts';
import {
  type Adjust,
  companiesIn,
  NO_FACTS,
  type Sessions,
  type SymbolBars,
  type SymbolFacts,
  sessionsOf,
} from './series.ts';

/** Bars are added to a series that was exported up to so many sessions before the last one; an older one is made whole. */
const RECENT_SESSIONS = 10;

export interface LeftOut {
  symbol: string;
  reason: string;
}

export interface Exported {
  sessions: [string, string];
  symbols: number;
  /** Files. */
  written: number;
  unchanged: number;
  removed: number;
  leftOut: LeftOut[];
}

/** Pure: the symbols a tool can have, and why it cannot have the others. */
export function nameable(
  format: BacktestFormat,
  symbols: readonly string[],
): { taken: Set<string>; leftOut: LeftOut[] } {
  // Disks and tools may take capitals and small letters for the same: who has capitals only keeps the name.
  const order = (symbol: string) => (symbol === symbol.toUpperCase() ? 0 : 1);
  const byName = new Map<string, string>();
  const leftOut: LeftOut[] = [];
  for (const symbol of [...symbols].sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1))) {
    const named = format.nameOf(symbol);
    const owner = 'name' in named ? byName.get(named.name.toLowerCase()) : undefined;
    if ('reason' in named) leftOut.push({ symbol, reason: named.reason });
    else if (owner !== undefined) leftOut.push({ symbol, reason: `its name ${named.name} is that of ${owner}` });
    else byName.set(named.name.toLowerCase(), symbol);
  }
  leftOut.sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  return { taken: new Set(byName.values()), leftOut };
}

interface Input {
  facts: ReadonlyMap<string, SymbolFacts>;
  format: BacktestFormat;
  making: Making;
}

/** Pure: what is to be done about a symbol, as far as its bars and actions go. */
export function planSymbol(
  now: BarSummary,
  stored: StoredSymbol | undefined,
  { facts, format, making }: Input,
): 'keep' | 'extend' | 'remake' {
  const { days, placeOf } = making.sessions;
  if (!stored || !placeOf.has(stored.first) || !placeOf.has(stored.last)) return 'remake';
  const own = facts.get(now.symbol) ?? NO_FACTS;
  if (basisOf(format, own, stored, making) !== stored.basis) return 'remake';
  if (now.rows === stored.rows && now.checksum === stored.checksum) return now.last === stored.last ? 'keep' : 'remake';
  const isAdded = now.before.rows === stored.rows && now.before.checksum === stored.checksum;
  const isRecent = placeOf.get(stored.last)! >= days.length - 1 - RECENT_SESSIONS;
  // The last bar of one that is no longer listed may stand in a file that says so.
  return isAdded && isRecent && own.endedOn === null ? 'extend' : 'remake';
}

function basisOf(
  format: BacktestFormat,
  facts: SymbolFacts,
  span: { first: number; last: number },
  making: Making,
): string {
  return createHash('sha256')
    .update(JSON.stringify(format.basis(facts, span, making)))
    .digest('hex')
    .slice(0, 16);
}

/**
 * Brings a folder up to the lake: what is new is added to its files, what was corrected is made again, and every other
 * file stays as it is. A file is replaced as a whole.
 */
export async function exportLake(
  lake: LakeBars,
  folder: ExportFolder,
  { format, adjust, signal }: { format: BacktestFormat; adjust: Adjust; signal: AbortSignal },
): Promise<Exported> {
  const stored = folder.manifest;
  const summaries = await lake.summaries(stored.sessions?.[1] ?? lake.days.at(-1)!);
  const dates = [...lake.days, ...summaries.flatMap(({ first, last }) => [dateOf(first), dateOf(last)])].sort();
  const [first, last] = [dates[0]!, dates.at(-1)!];
  const sessions: Sessions = sessionsOf(sessionsBetween(first, last));
  const present = summaries.map(({ symbol }) => symbol);
  const { taken, leftOut } = nameable(format, present);
  const without = (stored.settings.symbols ?? []).filter((symbol) => !present.includes(symbol));
  leftOut.push(...without.map((symbol) => ({ symbol, reason: 'it has no bar in this time' })));
  const input: Input = { facts: await lake.facts(), format, making: { adjust, sessions } };
  const work: Work = { folder, input, next: new Map(), written: 0, signal };
  const plans: Record<'keep' | 'extend' | 'remake', BarSummary[]> = { keep: [], extend: [], remake: [] };
  for (const one of summaries.filter(({ symbol }) => taken.has(symbol))) {
    const before = stored.symbols[one.symbol];
    const plan = planSymbol(one, before, input);
    // Files that are added to are looked at then.
    const isThere = plan !== 'keep' || before!.files.every(folder.isAsStored);
    plans[isThere ? plan : 'remake'].push(one);
  }
  const gone = Object.keys(stored.symbols).filter((symbol) => !taken.has(symbol));
  const isSame = plans.extend.length + plans.remake.length + gone.length === 0;
  if (!(isSame && stored.complete)) await folder.save({ ...stored, complete: false });
  for (const { symbol } of plans.keep) work.next.set(symbol, stored.symbols[symbol]!);
  const again = await extend(plans.extend, lake, work);
  await remake(
    [...plans.remake, ...again].sort((a, b) => (a.symbol < b.symbol ? -1 : 1)),
    lake,
    work,
  );
  const symbols = Object.fromEntries([...work.next].sort(([a], [b]) => (a < b ? -1 : 1)));
  const spans = Object.values(symbols).flatMap((one) => one.spans);
  const shared = put(format.shared(spans, input.making), work);
  const next: Manifest = {
    ...stored,
    complete: true,
    sessions: [first, last],
    left_out: leftOut,
    shared,
    symbols,
  };
  const files = filesOf(next);
  const lost = [...filesOf(stored)].filter((path) => !files.has(path));
  for (const path of lost) folder.remove(path);
  if (JSON.stringify(next) !== JSON.stringify(stored)) await folder.save(next);
  return {
    sessions: next.sessions!,
    symbols: taken.size,
    written: work.written,
    unchanged: files.size - work.written,
    removed: lost.length,
    leftOut,
  };
}

function filesOf({ symbols, shared }: Manifest): Set<string> {
  return new Set([...Object.values(symbols).flatMap(({ files }) => files), ...shared].map(([path]) => path));
}

interface Work {
  folder: ExportFolder;
  input: Input;
  next: Map<string, StoredSymbol>;
  written: number;
  signal: AbortSignal;
}

/** Writes files that do not have these bytes already. */
function put(files: Files, work: Work): StoredFiles {
  const { folder } = work;
  const others = [...files].filter(([path, bytes]) => !folder.read(path)?.equals(bytes));
  write(new Map(others), work);
  return [...files.keys()].map((path) => storedOf(path, files)!);
}

function storedOf(path: string, files: Files): StoredFiles[number] | undefined {
  const bytes = files.get(path);
  return bytes && [path, bytes.length, crc32(bytes)];
}

function write(files: Files, work: Work): void {
  for (const [path, bytes] of files) work.folder.write(path, bytes);
  work.written += files.size;
}

/** Adds new bars to the files of these symbols. Returns those whose files have to be made again all the same. */
async function extend(summaries: readonly BarSummary[], lake: LakeBars, work: Work): Promise<BarSummary[]> {
  if (summaries.length === 0) return [];
  const { folder, input, next } = work;
  const { format, making, facts } = input;
  const stored = folder.manifest.symbols;
  const bySymbol = new Map(summaries.map((one) => [one.symbol, one]));
  const since = Math.min(...summaries.map(({ symbol }) => stored[symbol]!.last));
  // No more rows than from `since` on, which are a few of each.
  const few = summaries.map(({ symbol }) => ({ symbol, rows: RECENT_SESSIONS * 2 }));
  for await (const [symbol, bars] of lake.bars(few, since)) {
    stopIfAsked(work.signal);
    const old = stored[symbol]!;
    const own = facts.get(symbol) ?? NO_FACTS;
    const row = bars.day.indexOf(old.last);
    const company = companiesIn(symbol, bars, own).at(-1)!;
    // Another company may have taken the symbol over since.
    if (row < company.from) continue;
    const added = format.bars(company, row + 1, making);
    const files: Files = new Map();
    for (const [path, , crc] of old.files) {
      const bytes = added.get(path);
      const file = bytes && folder.read(path);
      if (!bytes || !file || crc32(file) !== crc) continue;
      const content = Buffer.concat([format.unpack?.(file) ?? file, bytes]);
      files.set(path, format.pack?.(path, content) ?? content);
    }
    if (files.size < added.size) continue;
    write(files, work);
    const last = bars.day.at(-1)!;
    const spans = [...old.spans.slice(0, -1), { ...old.spans.at(-1)!, last }];
    const { rows, checksum } = bySymbol.get(symbol)!;
    const basis = basisOf(format, own, { first: old.first, last }, making);
    next.set(symbol, {
      ...old,
      rows,
      checksum,
      last,
      basis,
      spans,
      files: old.files.map((file) => storedOf(file[0], files) ?? file),
    });
  }
  return summaries.filter(({ symbol }) => !next.has(symbol));
}

async function remake(summaries: readonly BarSummary[], lake: LakeBars, work: Work): Promise<void> {
  const { input, next } = work;
  const bySymbol = new Map(summaries.map((one) => [one.symbol, one]));
  for await (const [symbol, bars] of lake.bars(summaries)) {
    stopIfAsked(work.signal);
    const own = input.facts.get(symbol) ?? NO_FACTS;
    const { files, spans } = render(symbol, bars, own, input);
    const [first, last] = [bars.day[0]!, bars.day.at(-1)!];
    const { rows, checksum } = bySymbol.get(symbol)!;
    const basis = basisOf(input.format, own, { first, last }, input.making);
    next.set(symbol, { rows, first, last, checksum, basis, spans, files: put(files, work) });
  }
}

/** Pure: all files of a symbol. */
export function render(
  symbol: string,
  bars: SymbolBars,
  facts: SymbolFacts,
  { format, making }: Pick<Input, 'format' | 'making'>,
): { files: Files; spans: StoredSymbol['spans'] } {
  const companies = companiesIn(symbol, bars, facts);
  const contents = new Map<string, Buffer[]>();
  const files: Files = new Map();
  for (const company of companies) {
    for (const [path, bytes] of format.bars(company, company.from, making))
      contents.set(path, [...(contents.get(path) ?? []), bytes]);
    for (const [path, bytes] of format.others(company, making)) files.set(path, bytes);
  }
  for (const [path, parts] of contents) {
    const content = Buffer.concat(parts);
    files.set(path, format.pack?.(path, content) ?? content);
  }
  return { files, spans: companies.map(format.spanOf) };
}
