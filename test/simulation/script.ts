import { drawFaults, type PlannedFault } from './faults.ts';
import { Random } from './random.ts';
import { pastOf } from './seeds.mjs';
import { SESSIONS } from './sessions.ts';
import { drawStory, type MarketEvent } from './stories.ts';

/** What the owner, the scheduler or the world does next. Times are days after the step before. */
export type Step =
  | {
      kind: 'night';
      days: number;
      /** Only after a session that no step before has seen: on weekends a night has nothing to do. */
      fresh?: boolean;
      misbehave: string[];
      faults: PlannedFault[];
      twice?: boolean;
      back?: number;
      /** The history of a symbol that appears in this session is no Parquet file until the night is over. */
      damage?: 'newcomer';
    }
  /** @param back so many sessions before the first one fetched, else right before it */
  | { kind: 'backfill'; sessions: number; back?: number; misbehave: string[]; faults: PlannedFault[] }
  | { kind: 'release'; faults: PlannedFault[] }
  | {
      kind: 'task';
      task: string;
      settings: Record<string, string>;
      faults: PlannedFault[];
      withoutSplits?: boolean;
      /** Days after the step before; at once without it. */
      days?: number;
    }
  | { kind: 'verify'; repair: boolean; faults: PlannedFault[] }
  | { kind: 'vacuum'; days: number; faults: PlannedFault[] }
  | { kind: 'settings'; settings: Record<string, string> }
  /** To the newest version, where a history began with one whose calendar lacks a closure. */
  | { kind: 'upgrade' };

/** What is over when a history begins: a market, and the sessions of it that have been fetched without a fault. */
export interface Past {
  seed: number;
  /** Place of the session in SESSIONS that the first night is about. */
  first: number;
  /** Sessions fetched before it; none: an owner's first night, on stores in which nothing is. */
  history: number;
  /** Securities of the market. */
  symbols: number;
  settings: Record<string, string>;
  /** Where the lake is. */
  store: 's3' | 'files';
  /** The program does not know of a closure yet. */
  oldCalendar: boolean;
}

/** A whole history: what a seed draws, and what is left of it when a failure is made smaller. */
export interface Script {
  seed: number;
  past: Past;
  /** Besides those of the past. */
  settings: Record<string, string>;
  steps: Step[];
  market?: readonly MarketEvent[];
  hasFmp?: boolean;
}

/** Effects of a night with one fresh session, about. */
const NIGHT_EFFECTS = 350;

export function drawScript(seed: number): Script {
  const random = new Random(`afterbell ${seed}`);
  const past = drawPast(pastOf(seed));
  const settings = drawSettings(random.of('settings'));
  const drawn = random.of('steps');
  const count = Number(drawn.weighted({ 1: 12, 2: 5, 3: 2, 4: 1 }));
  // Something has to have gone wrong in a night, mostly, before there is anything for an owner to do.
  const steps = Array.from({ length: count }, (_, at) => drawStep(drawn.of(at), at === 0 ? FIRST_STEP : LATER_STEP));
  const story = drawStory(random.of('story'), past);
  const { steps: told, settings: needed, market, hasFmp } = story ?? { steps: [] };
  // Something ordinary comes after a story sometimes, and once at most.
  const taken = story ? [...told, ...steps.slice(0, random.of('more').chance(0.3) ? 1 : 0)] : steps;
  const upgraded: Step[] = past.oldCalendar ? taken.toSpliced(1, 0, { kind: 'upgrade' }) : taken;
  return { seed, past, settings: { ...settings, ...needed }, steps: upgraded, market, hasFmp };
}

function drawPast(seed: number): Past {
  const random = new Random(`past ${seed}`);
  // Days the clock changes on, Thanksgiving and Christmas are in reach of many first nights.
  const first = random.of('first').int(SESSIONS.indexOf('2025-10-20'), SESSIONS.indexOf('2026-03-20'));
  const history = Number(random.of('history').weighted({ 0: 1, 3: 2, 5: 4, 8: 3 }));
  const size = random.of('size');
  const [least, most] = size.weighted({ '22 28': 7, '29 44': 2, '45 60': 1 }).split(' ').map(Number);
  const store = seed % 3 === 2 ? 'files' : 's3';
  const settings = drawLayout(random.of('layout'));
  const oldCalendar = seed % 7 === 4;
  return { seed, first, history, symbols: size.int(least!, most!), settings, store, oldCalendar };
}

/** What is stored depends on these. */
function drawLayout(random: Random): Record<string, string> {
  return {
    RESAMPLING_INTERVALS: random.weighted({ '3': 2, '5': 2, '3,5': 1, '3,8': 1 }),
    ...(random.chance(0.2) && { BRONZE_LAYOUT: 'symbol' }),
  };
}

function drawSettings(random: Random): Record<string, string> {
  return {
    TRAILING_SESSIONS: random.pick(['0', '2', '3', '5']),
    POLYGON_CALLS_PER_MINUTE: random.pick(['5', '5', '0', '60']),
    ENRICH_SYMBOLS: random.pick(['3', '8']),
    ...(random.chance(0.3) && { CONSOLIDATE_SYMBOLS_PER_SHARD: '15' }),
    ...(random.chance(0.3) && { MAX_WORKERS: '2' }),
  };
}

const FIRST_STEP = { night: 16, backfill: 1, release: 0, task: 1, verify: 0.3, vacuum: 0.3, settings: 0.3 };
const LATER_STEP = { night: 9, backfill: 1, release: 2.5, task: 2, verify: 1.5, vacuum: 1, settings: 1 };

function drawStep(random: Random, weights: Readonly<Record<keyof typeof FIRST_STEP, number>>): Step {
  const faults = drawFaults(random.of('faults'), NIGHT_EFFECTS);
  const misbehave = drawMisbehaviour(random.of('misbehave'));
  const kind = random.weighted(weights);
  switch (kind) {
    case 'night':
      return {
        kind,
        days: Number(random.weighted({ 1: 8, 2: 1, 4: 1 })),
        // Schedules run on days without a session, too, and have nothing to do.
        fresh: !random.chance(0.1),
        misbehave,
        faults,
        ...(random.chance(0.08) && { twice: true }),
        // Sessions before the last one that the owner asks for by name.
        ...(random.chance(0.08) && { back: random.int(1, 3) }),
      };
    case 'backfill':
      return { kind, sessions: random.int(2, 5), misbehave, faults };
    case 'release':
      return { kind, faults };
    case 'task': {
      const task = random.pick(['consolidate', 'resample', 'sync-tickers', 'sync-splits', 'sync-assets']);
      const settings: Record<string, string> = random.chance(0.5) && !task.startsWith('sync') ? { MODE: 'full' } : {};
      // Somebody has moved the lists of splits away, and puts them back afterwards.
      return {
        kind,
        task,
        settings,
        faults,
        ...(task === 'resample' && random.chance(0.6) && { withoutSplits: true }),
      };
    }
    case 'verify':
      return { kind, repair: random.chance(0.7), faults: [] };
    case 'vacuum':
      return { kind, days: random.pick([0, 3, 30]), faults };
    default:
      return { kind, settings: { ...drawSettings(random.of('settings')), ...drawLayout(random.of('layout')) } };
  }
}

/** Rules as `--misbehave` takes them: `half-missing@grouped:2`. */
function drawMisbehaviour(random: Random): string[] {
  const rules = Number(random.weighted({ 0: 5, 1: 3, 2: 1 }));
  return Array.from({ length: rules }, () => {
    const route = random.pick(['tickers', 'grouped', 'splits', 'assets', 'details', 'members']);
    const name = random.weighted({
      'rate-limit': 2,
      'server-error': 2,
      'truncated-json': 2,
      unauthorized: 0.5,
      'before-end-of-day': 1,
      'half-missing': 2,
      'wrong-types': 2,
      'looping-cursor': 0.5,
      'late-correction': 1,
      'field-removed': 0.5,
    });
    // For good, whichever request comes.
    if (name === 'looping-cursor') return `${name}@${random.pick(['tickers', 'splits'])}`;
    if (name === 'field-removed') return `${name}@${random.pick(['tickers', 'assets'])}`;
    const times = random.pick(['', ':1', ':2', ':5']);
    if (name === 'half-missing') return `${name}@${random.pick(['grouped', 'tickers', 'assets'])}${times}`;
    if (name === 'before-end-of-day' || name === 'late-correction') return `${name}@grouped${times}`;
    // A list of holdings has no types to spoil.
    return `${name}@${name === 'wrong-types' && route === 'members' ? 'assets' : route}${times}`;
  });
}
