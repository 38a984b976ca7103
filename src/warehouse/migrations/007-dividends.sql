-- Cash for each share held before the opening of ex_date, on the share basis of that day. Announced ones lie here before
-- their day. A dividend that the vendor takes back goes; first_seen is the session that first brought it.
CREATE TABLE IF NOT EXISTS dividends (
  symbol TEXT NOT NULL,
  ex_date DATE NOT NULL,
  cash_amount NUMERIC NOT NULL CHECK (cash_amount > 0),
  currency TEXT NOT NULL,
  distribution_type TEXT NOT NULL,
  record_date DATE,
  pay_date DATE,
  declaration_date DATE,
  frequency INTEGER,
  historical_adjustment_factor DOUBLE PRECISION,
  first_seen DATE NOT NULL,
  PRIMARY KEY (symbol, ex_date, distribution_type, cash_amount, currency)
);

CREATE INDEX IF NOT EXISTS idx_dividends_ex_date ON dividends (ex_date);
