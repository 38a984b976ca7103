import type { PlannedFault } from './faults.ts';
import type { Random } from './random.ts';
import type { Past, Step } from './script.ts';

/** What the market does besides, at a moment that a story needs. */
export type MarketEvent =
  /** A split of the first night's session, of which the vendor tells only after that night. */
  | 'late-split'
  /** A symbol has its first bar in the session of the first night. */
  | 'listing';

/** Several things that have to come together for some defects, each of them rare by itself. */
export interface Story {
  steps: Step[];
  settings?: Record<string, string>;
  /** Where the lake is, if the story needs it. */
  store?: 's3';
  market?: MarketEvent[];
  /** The owner has a key for FMP, whose plan has bulk answers. */
  hasFmp?: boolean;
  /** Sessions that have to be fetched before, at least. */
  history?: number;
}

const night = (more: Partial<Extract<Step, { kind: 'night' }>> = {}): Step => ({
  kind: 'night',
  days: 1,
  fresh: true,
  misbehave: [],
  faults: [],
  ...more,
});
const task = (name: string, more: Partial<Extract<Step, { kind: 'task' }>> = {}): Step => ({
  kind: 'task',
  task: name,
  settings: {},
  faults: [],
  ...more,
});
const release: Step = { kind: 'release', faults: [] };
const DAY_MS = 86_400_000;

const STORIES: Record<string, (random: Random) => Story> = {
  'a night is withheld, the next one dies before it publishes, and the first is released': () => ({
    steps: [
      night({ misbehave: ['half-missing@grouped'] }),
      night({ faults: deathAt('s3 PUT bronze/sessions') }),
      release,
    ],
    store: 's3',
  }),
  'a night is withheld, the next one has its session too and is killed before its end, and the first is released':
    () => ({
      steps: [
        night({ misbehave: ['half-missing@grouped'] }),
        night({ faults: [{ on: 's3 PUT processing_metadata/consolidation', at: 1, how: 'stop', times: 1 }] }),
        release,
      ],
      settings: { TRAILING_SESSIONS: '3' },
      store: 's3',
    }),
  'a clock is ahead while sessions are fetched, and right again when they are corrected': (random) => ({
    steps: [
      night({ faults: [{ at: 0, how: 'clock-ahead', times: 1, ms: random.int(4, 8) * DAY_MS }] }),
      night(),
      night(),
    ],
    settings: { TRAILING_SESSIONS: '3' },
  }),
  'a list of splits is fetched alone, and has a split of yesterday': () => ({
    steps: [night(), task('sync-splits', { days: 1 })],
    market: ['late-split'],
  }),
  'bars that were adjusted lose the lists of splits': () => ({
    steps: [night(), task('resample', { withoutSplits: true })],
    store: 's3',
    history: 3,
  }),
  'older sessions are answered by half': () => ({
    steps: [night(), night({ misbehave: ['half-missing@grouped/older'] })],
    settings: { TRAILING_SESSIONS: '3' },
  }),
  'the history of a new symbol is damaged before its first merge': () => ({
    steps: [night({ damage: 'newcomer' }), night()],
    settings: { MAX_FAILED_PERCENT: '50', RESAMPLING_INTERVALS: '3' },
    store: 's3',
    market: ['listing'],
  }),
  'the vendor sends a field no longer': (random) => ({
    steps: [night(), night({ misbehave: [`field-removed@${random.pick(['tickers', 'assets'])}`] })],
  }),
  'valuations come in bulk, and cut': (random) => ({
    steps: [night({ misbehave: [`${random.pick(['truncated-csv', 'truncated-csv', 'empty'])}@dcf-bulk`] }), night()],
    hasFmp: true,
  }),
  'sessions from before the market grew are fetched': (random) => ({
    steps: [night(), { kind: 'backfill', sessions: 5, back: random.int(32, 45), misbehave: [], faults: [] }],
  }),
  'the answer to a write is lost': (random) => ({
    steps: [
      night({ faults: [{ on: 's3 PUT bronze/raw_ohlcv', at: random.int(1, 20), how: 'after', times: 1 }] }),
      night({
        faults: [{ on: 's3 PUT processing_metadata/consolidation', at: random.int(1, 2), how: 'after', times: 1 }],
      }),
    ],
    store: 's3',
  }),
};

/** The execution and its functions are gone at once: nothing of it goes on behind the next step's back. */
function deathAt(on: string): PlannedFault[] {
  return [
    { on, at: 1, how: 'stop', times: 1 },
    { on, at: 1, how: 'crash-functions', times: 1 },
  ];
}

/** One of those that a past can have, in one history of three. */
export function drawStory(random: Random, past: Past): Story | undefined {
  if (!random.chance(1 / 3)) return undefined;
  const all = Object.values(STORIES).map((story) => story(random.of('details')));
  return random.pick(
    all.filter(({ store = past.store, history = 0 }) => store === past.store && history <= past.history),
  );
}
