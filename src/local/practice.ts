import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Config } from '../config.ts';
import { firstProblem, NamedError } from '../errors.ts';
import { counted, jsonOrUndefined } from '../text.ts';

/** A practice market of this many symbols has everything there is to see, and takes seconds. */
export const USUAL_SYMBOLS = 500;
/** Every practice market of this seed serves the same days. */
export const USUAL_SEED = 1;
/** Sessions an empty practice home starts with, so that there is something to look at. */
const USUAL_HISTORY = 300;

/** Beside the data it is about: every later command asks the same market. */
export const PRACTICE_FILE = 'practice.json';

const Market = z.object({
  symbols: z.number().int().positive(),
  seed: z.number().int(),
  /** Sessions fetched before the first night. */
  history: z.number().int().nonnegative(),
});
/** The practice market of one data directory. */
export type PracticeSettings = z.infer<typeof Market>;

/** Real bars, served again by a practice market of somebody's own. */
const Replay = z.object({ replayed: z.literal(true) });

/** What a data directory keeps of the practice market it began with. */
type KeptPractice = PracticeSettings | z.infer<typeof Replay>;

/**
 * The practice market that a data directory began with; one that has not begun gets what the settings say.
 * @throws Usage.Invalid for a SYMBOLS that is not its size; Config.Invalid when the file cannot be read
 */
export async function practiceOf(home: string, config: Config): Promise<PracticeSettings> {
  const { SYMBOLS, HISTORY_SESSIONS } = config;
  const kept = marketIn(await readPractice(home));
  if (kept && SYMBOLS !== undefined && SYMBOLS !== kept.symbols) throw otherSize(home, SYMBOLS, kept.symbols);
  return {
    symbols: kept?.symbols ?? SYMBOLS ?? USUAL_SYMBOLS,
    seed: kept?.seed ?? USUAL_SEED,
    history: HISTORY_SESSIONS ?? kept?.history ?? USUAL_HISTORY,
  };
}

/** Whether the bars of a data directory are real ones that a practice market served again. A damaged file says nothing. */
export async function isReplayed(home: string): Promise<boolean> {
  const kept = await readPractice(home).catch(() => undefined);
  return kept !== undefined && 'replayed' in kept;
}

/** Whether a data directory began with a market that makes its prices up. A damaged file says nothing. */
export async function isMadeUp(home: string): Promise<boolean> {
  return marketIn(await readPractice(home).catch(() => undefined)) !== undefined;
}

function marketIn(kept: KeptPractice | undefined): PracticeSettings | undefined {
  return kept && 'symbols' in kept ? kept : undefined;
}

/** What a data directory keeps of its practice market; undefined when it has none, or began before this was kept. */
export async function readPractice(home: string): Promise<KeptPractice | undefined> {
  const path = join(home, PRACTICE_FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw unreadable(path, error.message);
  });
  if (text === undefined) return undefined;
  const stored = jsonOrUndefined(text);
  const replay = Replay.safeParse(stored);
  if (replay.success) return replay.data;
  const read = Market.safeParse(stored);
  if (read.success) return read.data;
  throw unreadable(path, firstProblem(read.error));
}

/** Keeps them for later commands; what is kept stays. Only the owner of a home calls it. */
export async function keepPractice(home: string, settings: KeptPractice): Promise<void> {
  if (await readPractice(home)) return;
  const path = join(home, PRACTICE_FILE);
  const draft = `${path}.draft`;
  await writeFile(draft, `${JSON.stringify(settings)}\n`, { flush: true, mode: 0o600 });
  await rename(draft, path);
}

function otherSize(home: string, given: number, kept: number): NamedError {
  return new NamedError('Usage.Invalid', {
    what: `SYMBOLS=${given} is not the size of this practice market`,
    found: `${home}, which began with ${counted(kept, 'symbol')}`,
    wanted: `no SYMBOLS, or SYMBOLS=${kept}`,
    todo: `Leave SYMBOLS out: the data directory remembers it. For a market of another size begin another one: AFTERBELL_HOME=./practice-${given} SYMBOLS=${given} npx afterbell night`,
  });
}

function unreadable(path: string, found: string): NamedError {
  return new NamedError('Config.Invalid', {
    what: `${path} cannot be read`,
    found,
    wanted: `{"symbols": ${USUAL_SYMBOLS}, "seed": ${USUAL_SEED}, "history": ${USUAL_HISTORY}}`,
    todo: 'Write the size that this practice market began with into it.',
  });
}
