import type { LakeReader } from './lake-reader.ts';

interface Report {
  runId: string;
  status: string;
  datasets: { name: string; status: string }[];
  sessions: { published: string[]; unchanged: string[]; failed: string[] };
}

/** What a run published stands in its report, and what it says is published is there. */
export function checkReport(lake: LakeReader, runId: string): string[] {
  const report = reportOf(lake, runId);
  if (!report) return [];
  const { published, unchanged, failed } = report.sessions;
  const problems: string[] = [];
  for (const { name, status } of report.datasets)
    if (report.status === 'Succeeded' && status !== 'success' && status !== 'skipped')
      problems.push(`${runId} is called Succeeded, and ${name} ended ${status}`);
  for (const key of lake.keys('processing_metadata/ingest/')) {
    const { date, runId: publisher } = lake.json<{ date: string; runId: string }>(key)!;
    // A publication that broke off at its very end is called failed, and is repeated.
    if (publisher === runId && ![...published, ...unchanged, ...failed].includes(date))
      problems.push(`${runId} published ${date}, and its report does not say so`);
  }
  for (const date of published)
    if (!lake.bytes(`processing_metadata/ingest/date=${date}.json`))
      problems.push(`${runId} says that it published ${date}, which is not there`);
  return problems;
}

/** Versions of the reference lists by their keys. */
export function listVersions(lake: LakeReader): Map<string, string | undefined> {
  const keys = lake
    .keys('reference/')
    .filter((key) => /^reference\/(tickers|splits|dividends|assets|index_members)\/date=/.test(key));
  return new Map(keys.map((key) => [key, lake.version(key)]));
}

/** No vendor serves the list of an earlier day, so nothing that a night fetches changes one. */
export function checkOldLists(lake: LakeReader, before: Map<string, string | undefined>, session: string): string[] {
  return [...listVersions(lake)]
    .filter(([key, version]) => /date=([0-9-]+)/.exec(key)![1]! < session && before.get(key) !== version)
    .map(([key]) => `${key} was written by the night after ${session}`);
}

/**
 * A release publishes what its run had withheld, and nothing else that lies about.
 * @param own sessions that were staged by the released run
 */
export function checkRelease(lake: LakeReader, runId: string, own: readonly string[]): string[] {
  const { published = [] } = reportOf(lake, runId)?.sessions ?? {};
  return published
    .filter((date) => !own.includes(date))
    .map((date) => `a release published ${date}, which its run had not withheld`);
}

function reportOf(lake: LakeReader, runId: string): Report | undefined {
  const keys = lake.keys('reports/').filter((key) => /\/(night|run=[^/]*)\.json$/.test(key));
  return keys.map((key) => lake.json<Report>(key)!).find((one) => one.runId === runId);
}
