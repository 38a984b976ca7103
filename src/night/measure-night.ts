import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { NightReport } from './night.ts';

interface Measure {
  name: 'nights' | 'sessions_published' | 'task_seconds' | 'task_not_done';
  /** Beside service and stage. */
  dimension?: readonly [name: 'status' | 'task', value: string];
  unit: typeof MetricUnit.Count | typeof MetricUnit.Seconds;
  value: number;
}

/**
 * Pure: what the dashboard and the freshness alarm look at. `sessions_published` is 1 for a night that published its own
 * session; gaps, late corrections and backfills make nothing fresher.
 */
export function nightMeasures({ kind, session, status, sessions, datasets }: NightReport): Measure[] {
  const count = MetricUnit.Count;
  const own = kind !== 'backfill' && sessions.published.includes(session);
  return [
    { name: 'nights', dimension: ['status', status], unit: count, value: 1 },
    { name: 'sessions_published', unit: count, value: own ? 1 : 0 },
    ...datasets.flatMap(({ task, seconds, status: outcome }): Measure[] => [
      { name: 'task_seconds', dimension: ['task', task], unit: MetricUnit.Seconds, value: seconds },
      { name: 'task_not_done', dimension: ['task', task], unit: count, value: outcome === 'success' ? 0 : 1 },
    ]),
  ];
}

/** Writes a closed night's measures as embedded metrics, one line each. */
export function measureNight(report: NightReport, metrics: Metrics): void {
  for (const { name, dimension, unit, value } of nightMeasures(report)) {
    const single = metrics.singleMetric();
    if (dimension) single.addDimension(...dimension);
    single.addMetric(name, unit, value);
  }
}
