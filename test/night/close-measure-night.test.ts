import { Metrics } from '@aws-lambda-powertools/metrics';
import { afterEach, expect, test, vi } from 'vitest';
import { measureNight, nightMeasures } from '../../src/night/close.ts';
import type { DatasetResult, NightReport } from '../../src/records/run.ts';

const dataset = (task: string, status: DatasetResult['status'], seconds: number): DatasetResult => ({
  name: task,
  task,
  status,
  seconds,
  rows: 0,
  new: 0,
  changed: 0,
  revised: 0,
  rejected: 0,
  pages: 0,
  reasons: [],
});

function report(changes: Partial<NightReport>): NightReport {
  return {
    runId: 'r',
    session: '2025-11-19',
    kind: 'night',
    status: 'Partial',
    practice: false,
    startedAt: '2025-11-20T09:00:00Z',
    completedAt: '2025-11-20T09:10:00Z',
    seconds: 600,
    datasets: [dataset('stage-session', 'success', 12), dataset('sync-assets', 'failed', 3)],
    reasons: [],
    notes: [],
    sessions: { published: ['2025-11-18', '2025-11-19'], held: [], failed: [] },
    ...changes,
  };
}

const published = (changes: Partial<NightReport>) =>
  nightMeasures(report(changes)).find(({ name }) => name === 'sessions_published')?.value;

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test('only a night that published its own session makes the lake fresher', () => {
  expect(published({})).toBe(1);
  expect(published({ kind: 'release' })).toBe(1);
  expect(published({ kind: 'backfill' })).toBe(0);
  expect(published({ sessions: { published: ['2025-11-18'], held: ['2025-11-19'], failed: [] } })).toBe(0);
});

test('measures go out by service, stage and the one dimension that the dashboard searches', () => {
  vi.stubEnv('POWERTOOLS_DEV', 'true');
  // Development otherwise mutes them.
  vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'false');
  const lines: Record<string, unknown>[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(JSON.parse(line)));
  const metrics = new Metrics({
    namespace: 'afterbell',
    serviceName: 'close-night',
    defaultDimensions: { stage: 'dev' },
  });
  measureNight(report({}), metrics);
  const sent = lines.map(({ _aws, ...values }) => ({ values, sets: dimensionSets(_aws) }));
  const common = { service: 'close-night', stage: 'dev' };
  expect(sent).toContainEqual({
    values: { ...common, status: 'Partial', nights: 1 },
    sets: [['service', 'stage', 'status']],
  });
  expect(sent).toContainEqual({ values: { ...common, sessions_published: 1 }, sets: [['service', 'stage']] });
  expect(sent).toContainEqual({
    values: { ...common, task: 'sync-assets', task_not_done: 1 },
    sets: [['service', 'stage', 'task']],
  });
  expect(sent).toContainEqual({
    values: { ...common, task: 'stage-session', task_seconds: 12 },
    sets: [['service', 'stage', 'task']],
  });
});

function dimensionSets(aws: unknown): string[][] {
  return (aws as { CloudWatchMetrics: { Dimensions: string[][] }[] }).CloudWatchMetrics[0]!.Dimensions;
}
