import { NamedError } from '../../errors.ts';
import { stopIfAsked } from '../in-flight.ts';
import type { Engine, Portion } from './engine.ts';
import { barsIn, faultsIn, type Sheaf, type Sheaves } from './sheaf.ts';

export interface MadeSheaf {
  sheaf: Sheaf;
  /** Symbol → why it is not in the sheaf. */
  damaged: Map<string, string>;
  /** Symbol → a window of it that breaks the OHLC rules, as some bar of it does. */
  broken: Map<string, string>;
}

/**
 * Aggregates a portion and looks at what came out: no more bars than sessions, OHLC rules, every bar read counted once an
 * interval. Symbols whose history is at fault are left out, and the others made without them.
 * @throws Job.Failed when something is wrong and no history is at fault; Job.Interrupted
 */
export async function makeSheaf(
  engine: Engine,
  sheaves: Sheaves,
  whole: Portion,
  signal?: AbortSignal,
): Promise<MadeSheaf> {
  const damaged = new Map<string, string>();
  for (;;) {
    const portion = without(whole, damaged);
    const { sheaf, faults, broken } = await attempt(engine, sheaves, portion, signal);
    if (sheaf) return { sheaf, damaged, broken };
    for (const [symbol, fault] of faults) damaged.set(symbol, fault);
  }
}

/** A sheaf, or the symbols that prevent it (at least one). */
async function attempt(
  engine: Engine,
  sheaves: Sheaves,
  portion: Portion,
  signal?: AbortSignal,
): Promise<{ sheaf?: Sheaf; faults: Map<string, string>; broken: Map<string, string> }> {
  const faults = new Map<string, string>();
  let broken = new Map<string, string>();
  sheaves.clear();
  if (portion.symbols.length === 0) return { sheaf: sheaves.bind([], portion.slots), faults, broken };
  try {
    for await (const chunk of engine.windows(portion)) sheaves.add(chunk);
    stopIfAsked(signal);
    const sheaf = sheaves.bind(portion.symbols, portion.slots);
    const found = faultsIn(sheaf);
    broken = found.broken;
    for (const [symbol, fault] of found.impossible) faults.set(symbol, fault);
    if (faults.size > 0) return { faults, broken };
    const bars = barsIn(sheaf);
    if (bars === (await expected(engine, portion, false))) return { sheaf, faults, broken };
    // A footer may say nothing of its symbol, and histories may hold dates that are not to be resampled yet, so the quick count is not the last word.
    await findFaults(engine, portion, faults);
    if (faults.size > 0) return { faults, broken };
    const counted = await expected(engine, portion, true);
    if (bars === counted) return { sheaf, faults, broken };
    throw new NamedError('Job.Failed', {
      what: `the bars of ${portion.symbols[0]} to ${portion.symbols.at(-1)} do not add up`,
      found: `${bars} in the windows`,
      wanted: `${counted}, as many as were read`,
    });
  } catch (error) {
    if ((error as Error).name === 'Job.Interrupted' || faults.size > 0) throw error;
    await findFaults(engine, portion, faults);
    if (faults.size === 0) throw error;
    return { faults, broken };
  }
}

async function expected(engine: Engine, portion: Portion, exactly: boolean): Promise<number> {
  const { sessionFiles, slots } = portion;
  if (exactly || sessionFiles.length > 0) return engine.barsRead(portion);
  return (await engine.barsStored()) * new Set(slots.interval).size;
}

async function findFaults(engine: Engine, { symbols, histories }: Portion, faults: Map<string, string>): Promise<void> {
  for (const [place, path] of histories.entries()) {
    const fault = await engine.fault(path, symbols[place]);
    if (fault !== undefined) faults.set(symbols[place]!, fault);
  }
}

function without(portion: Portion, damaged: ReadonlyMap<string, string>): Portion {
  if (damaged.size === 0) return portion;
  const left = [...portion.symbols.keys()].filter((place) => !damaged.has(portion.symbols[place]!));
  return {
    ...portion,
    symbols: left.map((place) => portion.symbols[place]!),
    histories: portion.histories.length === 0 ? [] : left.map((place) => portion.histories[place]!),
  };
}
