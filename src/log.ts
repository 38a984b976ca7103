import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

/** One structured logger a process; functions add runId and session to it. */
export function createLogger(service: string, level: 'DEBUG' | 'INFO' | 'WARN' | 'ERROR'): Logger {
  return new Logger({ serviceName: service, logLevel: level });
}

export type MetricName = 'rows_written' | 'pages' | 'rejected_rows' | 'vendor_429' | 'seconds';

/** The pipeline's few metrics, by service, stage and dataset, in embedded metric format on stdout. */
export function createMetrics(service: string, stage: string): Metrics {
  return new Metrics({ namespace: 'afterbell', serviceName: service, defaultDimensions: { stage } });
}

/** Publishes figures of one dataset, in one line. */
export function count(metrics: Metrics, dataset: string, values: Partial<Record<MetricName, number>>): void {
  // Not a single metric of Powertools: that one goes out with its first figure, and those after it lose the dimension.
  metrics.addDimension('dataset', dataset);
  for (const [name, value] of Object.entries(values)) {
    metrics.addMetric(name, name === 'seconds' ? MetricUnit.Seconds : MetricUnit.Count, value);
  }
  metrics.publishStoredMetrics();
}

/** What the logger itself writes into a line. */
const OWN = new Set(['level', 'message', 'timestamp', 'service', 'sampling_rate', 'error', 'runId']);
const LONGEST_TEXT = 200;

/** Pure: a result as one line of a log shows it: short texts and figures as they are, lists by their length. */
export function summaryOf(result: unknown): Record<string, string | number | boolean> {
  const summary: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries((result ?? {}) as object)) {
    if (OWN.has(name)) continue;
    if (Array.isArray(value)) summary[name] = value.length;
    else if (typeof value === 'string' && value.length <= LONGEST_TEXT && !value.includes('\n')) summary[name] = value;
    else if (typeof value === 'number' || typeof value === 'boolean') summary[name] = value;
  }
  return summary;
}
