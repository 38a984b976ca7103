import { expect, test } from 'vitest';
import { assessHealth, type Freshness, freshnessOf, type HealthFacts } from '../../../src/cli/status/health.ts';

const DUE = '2026-11-20';
const row = (dataset: string, newest: string | null, status = 'success'): Freshness => {
  const task = `sync-${dataset}`;
  const latest = [
    { task_name: task, status },
    { task_name: 'prices', status },
  ];
  const good = newest === null ? [] : [{ task_name: task, session: newest, completed_at: '2026-11-21 09:02:00' }];
  const facts = { expected: DUE, sessions: newest ?? undefined, histories: newest, bars: newest, prices: newest };
  return freshnessOf({ ...facts, latest, good }).find((one) => one.dataset === dataset)!;
};
const night = (status: string, more: object = {}) => ({
  run_id: 'night-1',
  kind: 'night',
  session: DUE,
  status,
  completed_at: '2026-11-21 09:05:00',
  reasons: '["prices: Vendor.AuthFailed: no"]',
  summary: '{}',
  ...more,
});
const health = (changes: Partial<HealthFacts> = {}) => {
  const { code, troubles } = assessHealth({
    last: night('Succeeded'),
    latest: [],
    expected: DUE,
    running: undefined,
    freshness: [row('prices', DUE), row('tickers', DUE)],
    gaps: [],
    heldRuns: [],
    heldLists: [],
    there: '',
    ...changes,
  });
  return [code, ...troubles.map(({ command }) => command)];
};
const heldRun = {
  runId: 'night-1',
  kind: 'night' as const,
  session: DUE,
  sessions: [DUE],
  heldAt: null,
  reason: 'few rows',
};
const heldList = {
  dataset: 'tickers',
  runId: 'night-1',
  session: DUE,
  heldAt: '',
  reasons: ['many gone'],
  counts: { added: 0, changed: 0, vanished: 9 },
  diff: 'reports/x',
  place: '/x',
} as unknown as HealthFacts['heldLists'][number];

test('an age is counted in sessions, not in days', () => {
  expect(row('prices', DUE)).toMatchObject({ newest: DUE, behind: 0, age: 'current' });
  expect(row('prices', '2026-11-19').age).toBe('1 session behind');
  expect(row('tickers', '2026-11-13')).toMatchObject({ behind: 5, syncedAt: '2026-11-21T09:02:00Z' });
  expect(row('tickers', null, 'failed')).toMatchObject({ behind: null, age: 'never', status: 'failed' });
  expect(row('prices', '2026-11-23').age).toBe('current');
});

test.each<[string, Partial<HealthFacts>, (number | string | undefined)[]]>([
  ['all is current', {}, [0]],
  ['a backfill has run alone', { last: undefined }, [0]],
  ['no night has run', { last: undefined, freshness: [], nothingIn: '/nothere' }, [1, 'npx afterbell night']],
  ['the first night is at work', { last: undefined, running: DUE, freshness: [], nothingIn: '/h' }, [0]],
  [
    'the first night failed',
    { last: night('Failed'), nothingIn: '/h' },
    [1, 'npx afterbell night --session 2026-11-20'],
  ],
  ['the last night failed', { last: night('Failed') }, [1, 'npx afterbell night --session 2026-11-20']],
  ['it was killed', { last: night('Interrupted') }, [1, 'npx afterbell night --session 2026-11-20']],
  ['it was partial', { last: night('Partial') }, [3, 'npx afterbell status --failed']],
  ['it is held', { last: night('Held'), heldRuns: [heldRun] }, [4, 'npx afterbell report --run night-1']],
  ['a list is held', { last: night('Partial'), heldLists: [heldList] }, [4, 'npx afterbell report --run night-1']],
  ['prices are behind', { freshness: [row('prices', '2026-11-18')] }, [1, 'npx afterbell night']],
  [
    'prices and a list are behind alike',
    { freshness: [row('prices', '2026-11-18'), row('tickers', '2026-11-18')] },
    [1, 'npx afterbell night'],
  ],
  ['a list is behind', { freshness: [row('tickers', '2026-11-18')] }, [3, 'npx afterbell run sync-tickers']],
  ['a list was never brought', { freshness: [row('tickers', null, 'failed')] }, [3, 'npx afterbell run sync-tickers']],
  ['a list has no key', { freshness: [row('tickers', null, 'skipped')] }, [0]],
  ['histories are behind', { freshness: [row('history', '2026-11-19')] }, [3, 'npx afterbell run consolidate']],
  ['a night is at work', { running: DUE, freshness: [row('prices', '2026-11-19')] }, [0]],
  ['a killed night is at work again', { running: DUE, last: night('Interrupted') }, [0]],
  [
    'a night of an older session is at work',
    { running: '2026-11-19', last: night('Failed') },
    [1, 'npx afterbell night --session 2026-11-20'],
  ],
  [
    'the held session is what is due',
    { heldRuns: [heldRun], freshness: [row('prices', '2026-11-19')] },
    [4, 'npx afterbell report --run night-1'],
  ],
  ['a session is missing', { gaps: ['2026-11-10'] }, [3, 'npx afterbell backfill --from 2026-11-10 --to 2026-11-10']],
  [
    'of several the worst counts',
    { gaps: ['2026-11-10'], heldRuns: [heldRun], last: night('Failed'), there: ' --stage dev' },
    [
      1,
      'npx afterbell night --session 2026-11-20 --stage dev',
      'npx afterbell report --run night-1 --stage dev',
      'npx afterbell backfill --from 2026-11-10 --to 2026-11-10 --stage dev',
    ],
  ],
])('%s', (_name, changes, expected) => {
  expect(health(changes)).toEqual(expected);
});

test('a partial night counts no longer when what failed in it has been run well since', () => {
  const summary = JSON.stringify({
    datasets: [
      { task: 'sync-assets', status: 'failed' },
      { task: 'prices', status: 'success' },
    ],
  });
  const last = night('Partial', { summary });
  const run = (completed_at: string, status: string) => ({ task_name: 'sync-assets', status, completed_at });
  expect(health({ last, latest: [run('2026-11-21 09:04:59', 'success')] })[0]).toBe(3);
  expect(health({ last, latest: [run('2026-11-21 10:00:00', 'failed')] })[0]).toBe(3);
  expect(health({ last, latest: [run('2026-11-21 10:00:00', 'success')] })[0]).toBe(0);
});

test('what is held is looked at first, then fetched again, which harms nothing; a release comes last', () => {
  const releasing = { sessions: 1, changed: 0, removed: 1526 };
  const facts = { heldRuns: [{ ...heldRun, releasing }], heldLists: [heldList], there: ' --stage dev' };
  const { troubles } = assessHealth({
    ...{ last: undefined, latest: [], expected: DUE, running: undefined, freshness: [], gaps: [], nothingIn: '/h' },
    ...facts,
  });
  const report = { why: 'Look first', command: 'npx afterbell report --run night-1 --stage dev' };
  const again = (command: string) => ({ why: 'Once the vendor has fixed it (else it is withheld again)', command });
  const release = (why: string) => ({ why, command: 'npx afterbell release night-1 --stage dev' });
  expect(troubles.map(({ steps }) => steps)).toEqual([
    [
      report,
      again('npx afterbell night --session 2026-11-20 --stage dev'),
      release('Releasing publishes 1 session and removes 1,526 served rows. If it is right after all'),
    ],
    [report, again('npx afterbell run sync-tickers --stage dev'), release('If it is right after all')],
  ]);
});
