-- One chunk of valuations with how each asking ended, in one statement.
-- :rows      JSON array of {s,d,v,p,f}: symbol, date, dcf, stock price, source; numbers as strings
-- :attempts  JSON array of {s,e,r,x}: symbol, ending, reason, answer
-- An older valuation never replaces a newer one, and no answer without a value touches a row.
WITH stored AS (
  INSERT INTO dcf_valuations AS c (symbol, date, dcf, stock_price, source, fetched_at)
  SELECT s, d, v, p, f, :at::timestamp
  FROM jsonb_to_recordset(:rows::jsonb) AS r (s text, d date, v numeric, p numeric, f text)
  ON CONFLICT (symbol) DO UPDATE
    SET date = excluded.date, dcf = excluded.dcf, stock_price = excluded.stock_price, source = excluded.source,
        fetched_at = excluded.fetched_at
    WHERE c.date <= excluded.date
      AND (c.date, c.dcf, c.stock_price, c.source)
        IS DISTINCT FROM (excluded.date, excluded.dcf, excluded.stock_price, excluded.source)
  RETURNING (xmax = 0) AS inserted
),
asked AS (
  INSERT INTO enrichment_attempts AS a (dataset, symbol, attempted_at, ending, reason, answer)
  SELECT 'valuations', s, :at::timestamp, e, r, nullif(x, 'null'::jsonb)
  FROM jsonb_to_recordset(:attempts::jsonb) AS t (s text, e text, r text, x jsonb)
  ON CONFLICT (dataset, symbol) DO UPDATE
    SET attempted_at = excluded.attempted_at, ending = excluded.ending, reason = excluded.reason, answer = excluded.answer
  RETURNING symbol, ending
)
SELECT (SELECT count(*) FROM stored WHERE inserted)::int AS new,
       (SELECT count(*) FROM stored WHERE NOT inserted)::int AS changed,
       (SELECT count(*) FROM asked JOIN dcf_valuations USING (symbol) WHERE ending = 'empty')::int AS kept
