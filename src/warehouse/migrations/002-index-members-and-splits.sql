-- Who was in an index from which day to the day before which other; valid_to is null for members of the newest list.
-- valid_from is the day of the first list that names the symbol: of earlier days nothing is known, and a query for one
-- of them gives no rows.
CREATE TABLE IF NOT EXISTS index_members (
  "index" TEXT NOT NULL,
  symbol TEXT NOT NULL,
  valid_from DATE NOT NULL,
  valid_to DATE,
  PRIMARY KEY ("index", symbol, valid_from),
  CHECK (valid_to > valid_from)
);

CREATE UNIQUE INDEX IF NOT EXISTS idx_index_members_open ON index_members ("index", symbol) WHERE valid_to IS NULL;

-- split_from old shares became split_to new ones on execution_date, the first session on the new basis. Announced ones
-- lie here before their day. A split that the vendor takes back goes; first_seen is the session that first brought it.
CREATE TABLE IF NOT EXISTS splits (
  symbol TEXT NOT NULL,
  execution_date DATE NOT NULL,
  split_from NUMERIC NOT NULL CHECK (split_from > 0),
  split_to NUMERIC NOT NULL CHECK (split_to > 0),
  first_seen DATE NOT NULL,
  PRIMARY KEY (symbol, execution_date)
);

CREATE INDEX IF NOT EXISTS idx_splits_execution_date ON splits (execution_date);
