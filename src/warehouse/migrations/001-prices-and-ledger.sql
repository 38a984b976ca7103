-- One row per symbol and session, unadjusted, as published (docs/data-dictionary.md).
CREATE TABLE IF NOT EXISTS stock_prices (
  symbol TEXT NOT NULL,
  date DATE NOT NULL,
  open NUMERIC NOT NULL,
  high NUMERIC NOT NULL,
  low NUMERIC NOT NULL,
  close NUMERIC NOT NULL,
  volume NUMERIC NOT NULL,
  vwap NUMERIC,
  source TEXT NOT NULL,
  ingested_at TIMESTAMP NOT NULL,
  PRIMARY KEY (symbol, date)
);

CREATE INDEX IF NOT EXISTS idx_stock_prices_date ON stock_prices (date);

-- Newest session held per dataset and symbol; derived from what is published, in the same statement.
CREATE TABLE IF NOT EXISTS ingestion_watermarks (
  dataset TEXT NOT NULL,
  symbol TEXT NOT NULL,
  last_date DATE NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  PRIMARY KEY (dataset, symbol)
);

-- The original daily sync's ledger, column for column.
CREATE TABLE IF NOT EXISTS sync_logs (
  id SERIAL PRIMARY KEY,
  task_name VARCHAR(100) NOT NULL,
  status VARCHAR(20) NOT NULL,
  rows_updated INTEGER DEFAULT 0,
  error_message TEXT,
  started_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  completed_at TIMESTAMP,
  duration_seconds DOUBLE PRECISION,
  metadata JSONB
);

CREATE INDEX IF NOT EXISTS idx_sync_logs_task_name ON sync_logs (task_name);

CREATE INDEX IF NOT EXISTS idx_sync_logs_completed_at ON sync_logs (completed_at DESC);

-- Every execution and the session it worked for.
CREATE TABLE IF NOT EXISTS nights (
  run_id TEXT PRIMARY KEY,
  session DATE NOT NULL,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  execution_arn TEXT NOT NULL,
  started_at TIMESTAMP NOT NULL,
  completed_at TIMESTAMP,
  released_run TEXT,
  reasons JSONB NOT NULL DEFAULT '[]',
  summary JSONB NOT NULL DEFAULT '{}'
);

CREATE INDEX IF NOT EXISTS idx_nights_started_at ON nights (started_at DESC);
