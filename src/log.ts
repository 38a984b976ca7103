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

export function count(metrics: Metrics, dataset: string, values: Partial<Record<MetricName, number>>): void {
  const single = metrics.singleMetric();
  single.addDimension('dataset', dataset);
  for (const [name, value] of Object.entries(values)) {
    single.addMetric(name, name === 'seconds' ? MetricUnit.Seconds : MetricUnit.Count, value);
  }
}
