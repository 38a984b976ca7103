import { AWS_PRICES } from '../records/aws-prices.ts';
import type { JobResult, NightCost, NightQuantities } from '../records/run.ts';
import type { CloseInput, Used } from './close-input.ts';

/** The size of a job unless `terraform/variables.tf` is told another one. */
const JOB = { vcpu: 2, memoryGb: 4, startSeconds: 60 };
/** What the warehouse is taken to use while it is awake, and how long it stays so after the last query. */
const ACU = { units: 1, pauseSeconds: 900 };
/** Prepare Warehouse, Close Night and Render Report, whose own use is not reported to Close Night: an estimate. */
const UNREPORTED = { calls: 3, gbSeconds: 3 };

/** Pure: what a night used, from what its parts say of themselves. Only the warehouse's use is an estimate. */
export function nightQuantities(outcome: CloseInput, jobs: readonly JobResult[], seconds: number): NightQuantities {
  const { night, reference, enriched, prices } = outcome;
  const results = [...reference.flatMap((lane) => lane.results), ...enriched];
  const parts: (Used | undefined)[] = [
    night.used,
    ...results.map(({ used }) => used),
    ...prices.staged.map(({ used }) => used),
    prices.check?.used,
    ...prices.published.map(({ used }) => used),
    ...jobs.map(({ requests }) => requests),
    UNREPORTED,
  ];
  const sum = (name: keyof Used) => parts.reduce((total, part) => total + (part?.[name] ?? 0), 0);
  const jobSeconds = jobs.reduce((total, job) => total + job.seconds + JOB.startSeconds, 0);
  return {
    transitions: transitionsOf(outcome),
    functionCalls: sum('calls'),
    functionGbSeconds: sum('gbSeconds'),
    jobVcpuSeconds: jobSeconds * JOB.vcpu,
    s3Reads: sum('reads'),
    s3Writes: sum('writes'),
    acuSeconds: (seconds + ACU.pauseSeconds) * ACU.units,
  };
}

/** Pure: the states that a night of this outcome has entered, and its retries. docs/state-machine.md draws them. */
export function transitionsOf({ night, reference, enriched, prices, stages = [] }: CloseInput): number {
  // Each call is followed by a Choice, and by a Wait unless it was the last one.
  const paced = (calls: number) => 2 * calls + Math.max(0, calls - 1);
  const callsOf = ({ used }: { used?: Used | undefined }) => used?.calls ?? 1;
  const rounds = new Set(night.lanes?.map(({ round }) => round)).size;
  const lists = reference.flatMap(({ results }) =>
    results.map((result) => (result.skipped ? 1 : 3 + paced(callsOf(result)))),
  );
  const sessions = prices.staged.filter(({ unasked }) => !unasked).length;
  const staging = sessions > 0 ? 7 + 3 * sessions + prices.published.length + prices.unpublished.length : 0;
  const jobs = prices.jobs.length > 0 ? 1 + prices.jobs.length : 0;
  const retries = [
    ...stages,
    ...reference.flatMap(({ results }) => results),
    ...enriched,
    ...prices.staged,
    ...prices.published,
  ].reduce((total, { retries: tries = 0 }) => total + tries, 0);
  const enrichment = enriched.reduce((total, one) => total + 2 + paced(callsOf(one)), 0);
  const listed = lists.reduce((total, states) => total + states, 0);
  return 12 + 2 * rounds + 3 * reference.length + listed + staging + jobs + enrichment + retries;
}

/** Pure: the same at list prices. */
export function costOf(quantities: NightQuantities, paid: boolean): NightCost {
  const { usd: price, region, asOf } = AWS_PRICES;
  const jobSeconds = quantities.jobVcpuSeconds / JOB.vcpu;
  const parts = {
    stepFunctions: quantities.transitions * price.transition,
    lambda: quantities.functionGbSeconds * price.functionGbSecond + quantities.functionCalls * price.functionCall,
    fargate:
      quantities.jobVcpuSeconds * price.jobVcpuSecond +
      jobSeconds * (JOB.memoryGb * price.jobGbSecond + price.publicAddressSecond),
    s3: quantities.s3Reads * price.s3Read + quantities.s3Writes * price.s3Write,
    auroraEstimated: quantities.acuSeconds * price.acuSecond,
  };
  const rounded = (usd: number) => Math.round(usd * 1e6) / 1e6;
  const usd = rounded(Object.values(parts).reduce((sum, part) => sum + part, 0));
  const each = Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, rounded(part)]));
  return { usd, paid, region, pricesOf: asOf, parts: each as NightCost['parts'], quantities };
}
