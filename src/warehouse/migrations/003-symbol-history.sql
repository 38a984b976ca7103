-- Which security a symbol stood for, and when: from valid_from on, before valid_to (NULL: still). Identity is the FIGI
-- (tickers) or Alpaca's id (assets); nothing is known of the time before the first row of a dataset.
CREATE TABLE IF NOT EXISTS symbol_history (
  dataset TEXT NOT NULL,
  symbol TEXT NOT NULL,
  figi TEXT,
  share_class_figi TEXT,
  asset_id TEXT,
  valid_from DATE NOT NULL,
  valid_to DATE,
  reason TEXT NOT NULL,
  ending TEXT,
  PRIMARY KEY (dataset, symbol, valid_from)
);

CREATE INDEX IF NOT EXISTS idx_symbol_history_figi ON symbol_history (figi);

CREATE INDEX IF NOT EXISTS idx_symbol_history_valid_from ON symbol_history (dataset, valid_from);

CREATE INDEX IF NOT EXISTS idx_symbol_history_valid_to ON symbol_history (dataset, valid_to);
