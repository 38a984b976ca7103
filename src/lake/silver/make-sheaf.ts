import { readDay } from '../../calendar/dates.ts';
import { NamedError } from '../../errors.ts';
import { stopIfAsked } from '../in-flight.ts';
import type { Engine, Portion } from './engine.ts';
import { type Look, lookAtBars, newLook } from './look-at-bars.ts';
import type { Reduction } from './reduction.ts';
import type { Sheaf } from './sheaf.ts';

export interface MadeSheaf {
  sheaf: Sheaf;
  /** Symbol → why it is not in the sheaf. */
  damaged: Map<string, string>;
  /** Symbol → a bar of it that breaks the OHLC rules. */
  broken: Map<string, string>;
}

/**
 * Aggregates a portion and looks at what was read: numbers, dates that ascend, OHLC rules, as many bars as are stored.
 * Symbols whose history is at fault are left out, and the others made without them.
 * @throws Job.Failed when something is wrong and no history is at fault; Job.Interrupted
 */
export async function makeSheaf(
  engine: Engine,
  reduction: Reduction,
  whole: Portion,
  signal?: AbortSignal,
): Promise<MadeSheaf> {
  const damaged = new Map<string, string>();
  for (;;) {
    const portion = without(whole, damaged);
    const { sheaf, faults, broken } = await attempt(engine, reduction, portion, signal);
    if (sheaf) return { sheaf, damaged, broken };
    for (const [symbol, fault] of faults) damaged.set(symbol, fault);
  }
}

/** A sheaf, or the symbols that prevent it (at least one). */
async function attempt(
  engine: Engine,
  reduction: Reduction,
  portion: Portion,
  signal?: AbortSignal,
): Promise<{ sheaf?: Sheaf; faults: Map<string, string>; broken: Map<string, string> }> {
  const look = newLook(portion);
  const { impossible: faults, broken } = look;
  try {
    let places = new Int32Array();
    reduction.begin(portion.slots);
    if (portion.symbols.length > 0) {
      for await (const chunk of engine.bars(portion)) {
        if (places.length < chunk.rows) places = new Int32Array(chunk.rows);
        reduction.add(chunk, places, lookAtBars(look, chunk, places));
      }
      stopIfAsked(signal);
      if (faults.size > 0) return { faults, broken };
      if (!(await allRead(engine, portion, look))) {
        await findFaults(engine, portion, faults);
        if (faults.size > 0) return { faults, broken };
        const stored = await engine.barsStored(portion);
        if (look.bars !== stored) throw notAddingUp(portion, `${look.bars} read`, `${stored}, as many as are stored`);
      }
    }
    const sheaf = reduction.end(portion.symbols, portion.slots);
    const made = sheaf.bars.reduce((sum, bars) => sum + bars, reduction.former);
    if (made !== look.counted) throw notAddingUp(portion, `${made} in the windows`, `${look.counted}`);
    if (look.dropped.size > 0) {
      const lost = portion.slots.windows.flatMap(({ dates }) => dates).find((date) => look.dropped.has(readDay(date)!));
      if (lost !== undefined) throw notAddingUp(portion, `no window for ${lost}`, 'one in each interval');
    }
    return { sheaf, faults, broken };
  } catch (error) {
    if ((error as Error).name === 'Job.Interrupted') throw error;
    await findFaults(engine, portion, faults);
    if (faults.size === 0) throw error;
    return { faults, broken };
  }
}

/** Of whole histories the manifest tells how many bars there are; else, and where it differs, the files' footers. */
async function allRead(engine: Engine, portion: Portion, { bars, strangers }: Look): Promise<boolean> {
  const { symbols, sessionFiles, historyDates, barsOf } = portion;
  if (sessionFiles.length > 0 || historyDates) return bars === (await engine.barsStored(portion));
  return strangers === 0 && bars === symbols.reduce((sum, symbol) => sum + barsOf(symbol), 0);
}

async function findFaults(engine: Engine, { symbols, histories }: Portion, faults: Map<string, string>): Promise<void> {
  for (const [place, path] of histories.entries()) {
    const fault = await engine.fault(path, symbols[place]);
    if (fault !== undefined) faults.set(symbols[place]!, fault);
  }
}

function notAddingUp({ symbols }: Portion, found: string, wanted: string): NamedError {
  const what = `the bars of ${symbols[0]} to ${symbols.at(-1)} do not add up`;
  return new NamedError('Job.Failed', { what, found, wanted });
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
