import { keyOf } from '../records/symbol.ts';

/** Every key of the lake (DESIGN 4.1), in one place. Dates are YYYY-MM-DD, months YYYY-MM. */
export const keys = {
  stamp: 'processing_metadata/lake.json',
  stagingOf: (run: string) => `staging/run=${run}/`,
  staged: (run: string, date: string) => `staging/run=${run}/date=${date}.parquet`,
  stagedRejects: (run: string, date: string) => `staging/run=${run}/date=${date}.rejected.jsonl`,
  stagedNote: (run: string, date: string) => `staging/run=${run}/date=${date}.json`,
  stagedPages: (dataset: string, sync: string) => `staging/sync=${sync}/${dataset}/`,
  stagedPage: (dataset: string, sync: string, page: number) =>
    `staging/sync=${sync}/${dataset}/page=${String(page).padStart(5, '0')}.json`,
  session: (date: string) => `bronze/sessions/date=${date}/bars.parquet`,
  symbolFolder: (symbol: string) => `bronze/raw_ohlcv/symbol=${keyOf(symbol)}/`,
  symbol: (symbol: string) => `bronze/raw_ohlcv/symbol=${keyOf(symbol)}/data.parquet`,
  symbolDate: (symbol: string, date: string) => `bronze/raw_ohlcv/symbol=${keyOf(symbol)}/date=${date}.parquet`,
  silver: (interval: number, month: string) => {
    const [year, number] = month.split('-');
    return `silver/silver_${interval}d/year=${year}/month=${number}/data_${interval}d_${year}${number}.parquet`;
  },
  silverOf: (interval: number) => `silver/silver_${interval}d/`,
  ingest: (date: string) => `processing_metadata/ingest/date=${date}.json`,
  manifest: 'processing_metadata/consolidation_manifest.parquet',
  consolidated: 'processing_metadata/consolidation_checkpoint.json',
  consolidationParts: 'processing_metadata/consolidation_parts/',
  consolidationPart: (index: number, size: number) =>
    `processing_metadata/consolidation_parts/part-${String(index).padStart(5, '0')}-of-${String(size).padStart(5, '0')}.json`,
  cleanups: 'processing_metadata/cleanup_manifest.parquet',
  revisionsOf: 'processing_metadata/revisions/',
  revisions: (date: string, at: string) =>
    `processing_metadata/revisions/date=${date}/at=${at.replace(/[-:]|\.\d+/g, '')}.parquet`,
  silverCheckpoint: (interval: number) => `processing_metadata/silver_${interval}d_checkpoint.json`,
  jobResult: (job: string) => `processing_metadata/jobs/${job}.json`,
  snapshot: (dataset: string, date: string) => `reference/${dataset}/date=${date}.parquet`,
  indexMembersText: 'reference/index_members/russell_2000_tickers_clean.txt',
  symbolChangesOf: (dataset: string) => `reference/${dataset}_changes/`,
  symbolChanges: (dataset: string, date: string) => `reference/${dataset}_changes/date=${date}.parquet`,
  symbolHistoryOf: (dataset: string) => `reference/${dataset}_history/date=`,
  symbolHistory: (dataset: string, date: string) => `reference/${dataset}_history/date=${date}.parquet`,
  quarantine: (date: string) => `quarantine/date=${date}.jsonl`,
  report: (date: string, file: string) => `reports/date=${date}/${file}`,
} as const;

/** The `date=…` a key carries, in its folder or its file name. */
export function dateOfKey(key: string): string | undefined {
  return /(?:^|\/)date=(\d{4}-\d{2}-\d{2})/.exec(key)?.[1];
}
