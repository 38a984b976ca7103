-- What is known of the company behind a symbol; fetched_at is when its values last changed (docs/data-dictionary.md).
CREATE TABLE IF NOT EXISTS symbol_metadata (
  symbol TEXT PRIMARY KEY,
  name TEXT,
  sector TEXT,
  industry TEXT,
  sic_code TEXT,
  exchange TEXT,
  type TEXT,
  list_date DATE,
  market_cap NUMERIC,
  description TEXT,
  source TEXT NOT NULL,
  fetched_at TIMESTAMP NOT NULL
);

CREATE INDEX IF NOT EXISTS idx_symbol_metadata_sector ON symbol_metadata (sector);

-- The latest valuation of a symbol; date is the day the vendor worked it out.
CREATE TABLE IF NOT EXISTS dcf_valuations (
  symbol TEXT PRIMARY KEY,
  date DATE NOT NULL,
  dcf NUMERIC NOT NULL,
  stock_price NUMERIC,
  source TEXT NOT NULL,
  fetched_at TIMESTAMP NOT NULL
);

-- When a symbol was last asked for and how that ended, apart from the rows: an empty answer touches no row.
CREATE TABLE IF NOT EXISTS enrichment_attempts (
  dataset TEXT NOT NULL,
  symbol TEXT NOT NULL,
  attempted_at TIMESTAMP NOT NULL,
  ending TEXT NOT NULL,
  reason TEXT,
  answer JSONB,
  PRIMARY KEY (dataset, symbol)
);
