import { drawFaults, type PlannedFault } from './faults.ts';
import { Random } from './random.ts';
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

/** A whole history: what a seed draws, and what is left of it when a failure is made smaller. */
export interface Script {
  seed: number;
  /** Place of the session in SESSIONS that the first night is about. */
  first: number;
  /** Sessions fetched before it. */
  history: number;
  settings: Record<string, string>;
  /** Where the lake is. */
  store: 's3' | 'files';
  steps: Step[];
  market?: readonly MarketEvent[];
  hasFmp?: boolean;
  oldCalendar?: boolean;
}

/** Effects of a night with one fresh session, about. */
const NIGHT_EFFECTS = 450;

export function drawScript(seed: number): Script {
  const random = new Random(`afterbell ${seed}`);
  const settings = drawSettings(random.of('settings'));
  // Days the clock changes on, Thanksgiving and Christmas are in reach of many first nights.
  const first = random.of('first').int(SESSIONS.indexOf('2025-10-20'), SESSIONS.indexOf('2026-03-20'));
  const history = random.of('history').int(5, 8);
  const drawn = random.of('steps');
  const steps = Array.from({ length: drawn.int(1, 4) }, (_, index) => drawStep(drawn.of(index)));
  const store = random.of('store').weighted({ s3: 2, files: 1 });
  const script: Script = { seed, first, history, settings, store, steps };
  const story = drawStory(random.of('story'));
  if (!story) return script;
  const { steps: told, settings: needed, ...rest } = story;
  // Something ordinary comes after it at most once: histories stay as long as they were.
  return { ...script, ...rest, settings: { ...settings, ...needed }, steps: [...told, ...steps.slice(0, 1)] };
}

function drawSettings(random: Random): Record<string, string> {
  return {
    RESAMPLING_INTERVALS: random.pick(['3', '5', '3,5', '3,8']),
    TRAILING_SESSIONS: random.pick(['0', '2', '3', '5']),
    POLYGON_CALLS_PER_MINUTE: random.pick(['5', '5', '0', '60']),
    ENRICH_SYMBOLS: random.pick(['3', '8']),
    ...(random.chance(0.2) && { BRONZE_LAYOUT: 'symbol' }),
    ...(random.chance(0.3) && { CONSOLIDATE_SYMBOLS_PER_SHARD: '15' }),
    ...(random.chance(0.3) && { MAX_WORKERS: '2' }),
  };
}

function drawStep(random: Random): Step {
  const faults = drawFaults(random.of('faults'), NIGHT_EFFECTS);
  const misbehave = drawMisbehaviour(random.of('misbehave'));
  const kind = random.weighted({
    night: 12,
    backfill: 1,
    release: 1.5,
    task: 1.5,
    verify: 1,
    vacuum: 0.7,
    settings: 0.5,
  });
  switch (kind) {
    case 'night':
      return {
        kind,
        days: Number(random.weighted({ 1: 8, 2: 1, 4: 1 })),
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
      return { kind, settings: drawSettings(random.of('settings')) };
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
