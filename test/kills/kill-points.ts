import type { KillPoint } from './nights.ts';

const before = (write: string, nth = 1): KillPoint => ({ phase: 'before', write, nth });
const after = (write: string, nth = 1): KillPoint => ({ phase: 'after', write, nth });
const torn = (write: string, nth = 1): KillPoint => ({ phase: 'torn', write, nth });

const CURSOR = 'PutItem runs CURSOR#tickers';
const HISTORY = 'rename lake/bronze/raw_ohlcv/symbol=*/data.parquet';
const INGEST = 'rename lake/processing_metadata/ingest/date=*.json';
const SESSION = 'rename lake/bronze/sessions/date=*/bars.parquet';
const MANIFEST = 'rename lake/processing_metadata/consolidation_manifest.parquet';
/** Before a question is asked, and once it is answered. */
const SPENT = 'UpdateItem runs SPENT#*';
const CHECKPOINT = 'rename lake/processing_metadata/consolidation_checkpoint.json';
const SILVER_CHECKPOINT = 'rename lake/processing_metadata/silver_*d_checkpoint.json';
const LEDGER = 'UPDATE nights';
const TICKER_PAGE = 'rename lake/staging/sync=*/tickers/page=*.json';
const ASSET_PAGE = 'rename lake/staging/sync=*/assets/page=*.json';
const PRICES = 'INSERT INTO stock_prices';
const SYMBOLS = 'INSERT INTO symbol_history';
const RELEASE = 'DeleteItem runs LOCK#lake';
const RECONCILED = 'rename lake/reports/date=*/reconcile.parquet';
const NIGHT_JSON = 'rename lake/reports/date=*/night.json';
const PAGE = 'rename lake/reports/date=*/index.html';
const CONSOLIDATED = 'rename lake/processing_metadata/jobs/consolidate.json';
const RESAMPLED = 'rename lake/processing_metadata/jobs/resample.json';
/** Held while one version of a file is swapped for another. */
const SWAP = 'lake/.tmp/lock-*';
const STAGED = 'rename lake/staging/run=*/date=*';

/**
 * Nights that are killed, run again, killed again at a later point, and so on, and in the end left alone. Every row goes
 * from the night's beginning to its end, so that each write is still ahead when its turn to be killed comes.
 */
export const NIGHT: readonly KillPoint[][] = [
  [
    torn('write owner.flock'),
    torn('writeFile home.lock.draft-*'),
    before('rm home.lock.draft-*'),
    before('rename home.lock'),
    before(TICKER_PAGE),
    after(CURSOR, 1),
    before(SESSION),
    before(PRICES),
    before(LEDGER, 2),
    after('PutEvents'),
  ],
  [after('rename home.lock'), after('write databases.flock'), before(CURSOR, 2), after(SESSION), after(LEDGER, 2)],
  [before('PutItem runs LOCK#lake'), before(ASSET_PAGE), after(PRICES), before('PutItem runs NIGHT#*')],
  [after('PutItem runs LOCK#lake'), before('PutItem tickers'), before(INGEST), after('PutItem runs NIGHT#*')],
  [before(LEDGER), after('PutItem assets'), after(INGEST), before('PutEvents')],
  [after(LEDGER), after('UpdateItem tickers', 2), torn('write warehouse/pgdata', 60), before(RELEASE)],
  [before('UpdateItem assets', 2), after(`${STAGED}.parquet`), before(HISTORY, 1), after(RELEASE)],
  [before('PutItem runs SYNC#tickers'), before(`${STAGED}.json`), after(HISTORY, 17), after(NIGHT_JSON)],
  [after('PutItem runs SYNC#assets'), after(`${STAGED}.json`), after(HISTORY, 41), before(PAGE)],
  [after('DeleteItem runs CURSOR#tickers'), before(MANIFEST), before(SILVER_CHECKPOINT, 1), before('rm home.lock')],
  [
    after(`rename lake/reference/tickers/date=*.parquet`),
    after(MANIFEST),
    after('rename lake/silver/*', 1),
    after(PAGE),
  ],
  [
    before('rm lake/staging/sync=*/tickers/page=*.json', 2),
    before(CHECKPOINT),
    after(SILVER_CHECKPOINT, 1),
    before('DeleteItem runs PROGRESS#metadata'),
    before('INSERT INTO dcf_valuations'),
    after('PutItem runs SYNC#valuations'),
  ],
  [
    after('PutItem runs CURSOR#assets'),
    after('rm lake/staging/run=*/date=*.json'),
    after(CHECKPOINT),
    before(RESAMPLED),
  ],
  [
    before('DeleteItem runs CURSOR#assets'),
    before('rm lake/staging/run=*/date=*.parquet'),
    before(CONSOLIDATED),
    after(RECONCILED),
  ],
  [
    after('link lake/quarantine/date=*.jsonl'),
    after('rm lake/staging/run=*/date=*.rejected.jsonl', 2),
    after(`writeFile ${SWAP}`, 1),
    torn(`writeFile ${SWAP}`, 5),
    before(`unlink ${SWAP}`, 20),
    after(`unlink ${SWAP}`, 10),
  ],
  [
    before('rm scratch'),
    before('rm lake/.tmp'),
    before('rename lake/reference/assets/date=*.parquet'),
    before('unlink lake/.tmp/*'),
    before('rm scratch/*'),
  ],
  [
    before('rm lake/staging/sync=*/assets/page=*.json'),
    torn('writeFile lake/.tmp/*', 12),
    before('PutItem runs SYNC#metadata'),
    after('DeleteItem runs PROGRESS#metadata'),
  ],
  [
    before(SYMBOLS),
    after('rename lake/reference/tickers_changes/date=*.parquet'),
    before('rename lake/reference/tickers_history/date=*.parquet'),
    before('rename lake/staging/sync=*/splits/page=*.json'),
    after('PutItem runs SYNC#splits'),
    after('rename lake/staging/sync=*/index_members/page=*.json'),
    before('DeleteItem runs CURSOR#index_members'),
    after('INSERT INTO symbol_metadata'),
    before('PutItem runs PROGRESS#valuations'),
    before('DeleteItem runs PROGRESS#valuations'),
  ],
  [
    after(SYMBOLS),
    before('rename lake/reference/assets_changes/date=*.parquet'),
    before('BatchWriteItem data'),
    before(SPENT, 1),
    after(SPENT, 1),
    after('PutItem runs ANALYSIS#sample'),
    before(SPENT, 1),
    after(SPENT, 1),
    before('PutItem analyses'),
    after('PutItem analyses'),
    before('DeleteItem runs ANALYSIS#sample'),
  ],
  [
    before('CREATE TABLE IF NOT EXISTS schema_migrations'),
    after('rename lake/reference/tickers_history/date=*.parquet'),
    after('PutItem runs CURSOR#splits'),
    before('rename lake/reference/splits/date=*.parquet'),
    before('PutItem runs CURSOR#index_members'),
    after('PutItem runs SYNC#index_members'),
    after('PutItem runs PROGRESS#metadata'),
    before('INSERT INTO symbol_metadata'),
    after('INSERT INTO dcf_valuations'),
  ],
  [
    after('DeleteItem runs CURSOR#splits'),
    before('rm lake/staging/sync=*/splits/page=*.json'),
    after('rename lake/reference/index_members/date=*.parquet'),
    before('rm lake/staging/sync=*/index_members/page=*.json'),
  ],
];

/** The nth write of all, whatever it is: at equal distances over a night. */
export const ANY_WRITE: readonly KillPoint[][] = [
  [
    { phase: 'after', nth: 11 },
    { phase: 'torn', nth: 140 },
    { phase: 'before', nth: 190 },
  ],
  [
    { phase: 'torn', nth: 75 },
    { phase: 'after', nth: 170 },
    { phase: 'before', nth: 215 },
  ],
];

export const BACKFILL: readonly KillPoint[][] = [
  [before(`${STAGED}.json`, 3), after(INGEST, 2), after(HISTORY, 10)],
  [after(`${STAGED}.parquet`, 2), before(INGEST, 1), after('rename lake/silver/*', 2)],
];

/** A home that has nothing yet. */
export const FIRST_NIGHT: readonly KillPoint[][] = [
  [torn('copyFile warehouse/pgdata.new-*', 250), before('rename warehouse/pgdata'), after('rename warehouse/pgdata')],
  [
    after('CreateTable tickers'),
    after('CREATE TABLE IF NOT EXISTS stock_prices'),
    after('INSERT INTO schema_migrations'),
    after('BatchWriteItem tickers'),
  ],
];
