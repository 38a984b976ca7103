import type { AttemptOutcome } from '../checks/enrichment-outcomes.ts';
import { inFlight } from '../concurrency.ts';
import type { AskedVendor, VendorResponse } from '../datasets/dataset.ts';
import { isNamed, NamedError } from '../errors.ts';
import { keptRow } from '../records/record.ts';
import { wellFormed } from '../text.ts';
import type { Enriched } from '../warehouse/enrichment.ts';

export type Asks = (vendor: string, symbol: string) => boolean;

/** What came of asking for one chunk of symbols. */
export interface ChunkOutcome<R> {
  /** Symbols that every vendor still there has answered for, in the order asked. */
  items: Enriched<R>[];
  practice: Set<boolean>;
  /** Vendors that want to be left alone for a while, by their error; their symbols stay to be asked for. */
  backingOff: Map<string, NamedError>;
  /** Vendors that will not answer tonight whatever is asked. */
  down: Map<string, NamedError>;
}

interface Round {
  responses: Map<string, VendorResponse | NamedError>;
  stop?: NamedError;
}

const DOWN = ['Vendor.AuthFailed', 'Vendor.KeyMissing', 'Vendor.EndpointOutOfPlan', 'Config.Invalid'] as const;
const PASSING = ['Vendor.Unavailable', 'Vendor.TruncatedBody'] as const;
/** So many symbols without an answer in one chunk are the vendor's trouble, not the symbols'. */
const DEGRADED_FROM = 5;

const OUTCOMES: Readonly<Record<string, AttemptOutcome>> = {
  'Vendor.NotFound': 'unknown',
  'Vendor.BadRequest': 'refused',
  'Vendor.SymbolOutOfPlan': 'outside',
  'Data.Invalid': 'invalid',
  'Vendor.Unavailable': 'failed',
  'Vendor.TruncatedBody': 'failed',
};
/** Of several vendors' words the gravest one stands beside the symbol. */
const GRAVITY: readonly AttemptOutcome[] = ['failed', 'invalid', 'outside', 'refused', 'unknown', 'empty'];

/**
 * Asks every vendor for every symbol, `concurrency` at a time, and sorts the answers: values, symbols that a vendor
 * cannot help with, and vendors that cannot help at all. Nothing is stored here.
 * @param options.lastTry vendors whose next trouble is taken for their symbols' own, so that one bad symbol cannot
 * stand in front of all others for ever
 * @param options.asks whether a vendor is asked for a symbol; it is unless said
 * @throws what is neither a vendor's nor a row's fault, and the signal's reason
 */
export async function askChunk<R>(
  symbols: readonly string[],
  vendors: Readonly<Record<string, AskedVendor>>,
  merge: (symbol: string, parts: Readonly<Record<string, unknown>>) => R,
  options: { concurrency: number; signal?: AbortSignal; lastTry?: ReadonlySet<string>; asks?: Asks },
): Promise<ChunkOutcome<R>> {
  const names = Object.keys(vendors);
  const { asks = () => true } = options;
  const rounds: Round[] = [];
  // When one of them throws, the others' requests are waited for: a function's process is frozen once it has answered,
  // and would send the rest of them in its next night.
  await inFlight(names.entries(), names.length, async ([place, name]) => {
    const asked = symbols.filter((symbol) => asks(name, symbol));
    rounds[place] = await askVendor(asked, vendors[name]!, options);
  });
  const outcome: ChunkOutcome<R> = { items: [], practice: new Set(), backingOff: new Map(), down: new Map() };
  for (const [index, { responses, stop }] of rounds.entries()) {
    const name = names[index]!;
    const failures = [...responses].filter(([, answer]) => isNamed(answer, ...PASSING));
    const degraded = failures.length >= Math.min(DEGRADED_FROM, responses.size) ? failures[0]?.[1] : undefined;
    if (stop && isNamed(stop, ...DOWN)) outcome.down.set(name, stop);
    else if (stop ?? degraded) outcome.backingOff.set(name, (stop ?? degraded) as NamedError);
    // What a degraded vendor did not answer is asked for again, unless this was the last try.
    if (degraded && !options.lastTry?.has(name)) for (const [symbol] of failures) responses.delete(symbol);
    for (const answer of responses.values()) if (!(answer instanceof Error)) outcome.practice.add(answer.practice);
  }
  for (const symbol of symbols) {
    const answers = rounds.map(({ responses }, index) => ({ name: names[index]!, answer: responses.get(symbol) }));
    const missing = answers.some(
      ({ name, answer }) => answer === undefined && !outcome.down.has(name) && asks(name, symbol),
    );
    const responses = answers.filter((one): one is NamedResponse => one.answer !== undefined);
    if (responses.length > 0 && !missing) outcome.items.push(combine(symbol, responses, merge));
  }
  return outcome;
}

async function askVendor(
  symbols: readonly string[],
  vendor: AskedVendor,
  { concurrency, signal }: { concurrency: number; signal?: AbortSignal },
): Promise<Round> {
  const round: Round = { responses: new Map() };
  await inFlight(symbols, concurrency, async (symbol) => {
    if (round.stop) return;
    try {
      round.responses.set(symbol, await vendor.ask(symbol, { signal }));
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof NamedError)) throw error;
      if (error.name in OUTCOMES) round.responses.set(symbol, error);
      else if (isNamed(error, ...DOWN, 'Vendor.RateLimited')) round.stop ??= error;
      else throw error;
    }
  });
  return round;
}

interface NamedResponse {
  name: string;
  answer: VendorResponse | NamedError;
}

function combine<R>(
  symbol: string,
  responses: readonly NamedResponse[],
  merge: (symbol: string, parts: Readonly<Record<string, unknown>>) => R,
): Enriched<R> {
  const parts: Record<string, unknown> = {};
  const problems: { ending: AttemptOutcome; reason: string; row: unknown }[] = [];
  for (const { name, answer } of responses) {
    if (answer instanceof NamedError) {
      problems.push({ ending: OUTCOMES[answer.name]!, reason: `${answer.name}: ${answer.message}`, row: null });
    } else if (answer.reading.kind === 'record') parts[name] = answer.reading.record;
    else {
      const { kind: ending, reason } = answer.reading;
      problems.push({ ending, reason, row: answer.reading.kind === 'invalid' ? answer.reading.row : null });
    }
  }
  const hasValue = Object.keys(parts).length > 0;
  const [worst] = problems.sort((a, b) => GRAVITY.indexOf(a.ending) - GRAVITY.indexOf(b.ending));
  const grave = worst && (!hasValue || worst.ending === 'failed' || worst.ending === 'invalid') ? worst : undefined;
  return {
    record: hasValue ? merge(symbol, parts) : undefined,
    attempt: {
      symbol,
      ending: grave?.ending ?? 'ok',
      reason: grave ? wellFormed(grave.reason, 500) : null,
      answer: grave?.row ? keptRow(grave.row) : null,
    },
  };
}
