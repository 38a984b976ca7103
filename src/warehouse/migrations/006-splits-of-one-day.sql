-- A symbol may split twice on one day (3:1 and a stock dividend); both count. adjustment_type and
-- historical_adjustment_factor are the vendor's: the factor is its product of this split and every later one of the symbol.
ALTER TABLE splits ADD COLUMN IF NOT EXISTS adjustment_type TEXT;

ALTER TABLE splits ADD COLUMN IF NOT EXISTS historical_adjustment_factor DOUBLE PRECISION;

ALTER TABLE splits DROP CONSTRAINT IF EXISTS splits_pkey;

ALTER TABLE splits ADD CONSTRAINT splits_pkey PRIMARY KEY (symbol, execution_date, split_from, split_to);
