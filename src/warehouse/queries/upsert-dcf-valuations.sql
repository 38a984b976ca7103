-- One chunk of valuations with how each asking ended, in one statement.
-- :rows      JSON array of {s,d,v,p,f}: symbol, date, dcf, stock price, source; numbers as strings
-- :attempts  JSON array of {s,e,r,x}: symbol, ending, reason, answer
-- An older valuation never replaces a newer one, and no answer without a value touches a row.
-- Figi and valid_from are those of the symbol's row in symbol_history: a row of a former company is gone by then.
WITH incoming AS (
  SELECT s, d, v, p, f
  FROM jsonb_to_recordset(:rows::jsonb) AS r (s text, d date, v numeric, p numeric, f text)
),
holders AS (
  SELECT DISTINCT ON (symbol) symbol, figi, valid_from
  FROM symbol_history
  WHERE dataset = 'tickers' AND (symbol IN (SELECT s FROM incoming)
    OR symbol IN (SELECT a ->> 's' FROM jsonb_array_elements(:attempts::jsonb) AS a))
  ORDER BY symbol, valid_from DESC
),
stored AS (
  INSERT INTO dcf_valuations AS c (symbol, date, dcf, stock_price, source, figi, valid_from, fetched_at)
  SELECT s, d, v, p, f, h.figi, h.valid_from, :at::timestamp
  FROM incoming i
  LEFT JOIN holders h ON h.symbol = i.s
  ON CONFLICT (symbol) DO UPDATE
    SET date = excluded.date, dcf = excluded.dcf, stock_price = excluded.stock_price, source = excluded.source,
        figi = excluded.figi, valid_from = excluded.valid_from, fetched_at = excluded.fetched_at
    WHERE c.date <= excluded.date
      AND (c.date, c.dcf, c.stock_price, c.source, c.figi, c.valid_from)
        IS DISTINCT FROM (excluded.date, excluded.dcf, excluded.stock_price, excluded.source, excluded.figi,
          excluded.valid_from)
  RETURNING (xmax = 0) AS inserted
),
asked AS (
  INSERT INTO enrichment_attempts AS a (dataset, symbol, attempted_at, ending, reason, answer, valid_from)
  SELECT 'valuations', s, :at::timestamp, e, r, nullif(x, 'null'::jsonb), h.valid_from
  FROM jsonb_to_recordset(:attempts::jsonb) AS t (s text, e text, r text, x jsonb)
  LEFT JOIN holders h ON h.symbol = t.s
  ON CONFLICT (dataset, symbol) DO UPDATE
    SET attempted_at = excluded.attempted_at, ending = excluded.ending, reason = excluded.reason,
        answer = excluded.answer, valid_from = excluded.valid_from
  RETURNING symbol, ending
)
SELECT (SELECT count(*) FROM stored WHERE inserted)::int AS new,
       (SELECT count(*) FROM stored WHERE NOT inserted)::int AS changed,
       (SELECT count(*) FROM asked JOIN dcf_valuations USING (symbol) WHERE ending = 'empty')::int AS kept
