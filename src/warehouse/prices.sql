-- name: upsert-stock-prices
-- One session's rows (or one chunk of them) with their watermarks, in one statement.
-- :rows  JSON array of {s,o,h,l,c,v,w,f,t}: symbol, open, high, low, close, volume, vwap, source, ingested_at; numbers as strings
-- :keep  JSON array of every symbol of the session with its last chunk, null before: rows of other symbols go
WITH incoming AS (
  SELECT s, o, h, l, c, v, w, f, t
  FROM jsonb_to_recordset(:rows::jsonb)
    AS r (s text, o numeric, h numeric, l numeric, c numeric, v numeric, w numeric, f text, t timestamp)
),
stored AS (
  INSERT INTO stock_prices AS p (symbol, date, open, high, low, close, volume, vwap, source, ingested_at)
  SELECT s, :date::date, o, h, l, c, v, w, f, t FROM incoming
  ON CONFLICT (symbol, date) DO UPDATE
    SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        volume = excluded.volume, vwap = excluded.vwap, source = excluded.source, ingested_at = excluded.ingested_at
    WHERE (p.open, p.high, p.low, p.close, p.volume, p.vwap, p.source)
      IS DISTINCT FROM (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume, excluded.vwap, excluded.source)
  RETURNING (xmax = 0) AS inserted
),
gone AS (
  DELETE FROM stock_prices
  WHERE date = :date::date AND :keep::jsonb IS NOT NULL
    AND symbol NOT IN (SELECT jsonb_array_elements_text(coalesce(:keep::jsonb, '[]'::jsonb)))
  RETURNING symbol
),
-- A symbol whose newest row goes is marked with the one before it, or not at all.
before AS (
  SELECT symbol, (SELECT max(p.date) FROM stock_prices p WHERE p.symbol = gone.symbol AND p.date <> :date::date) AS date
  FROM gone
),
lowered AS (
  UPDATE ingestion_watermarks m SET last_date = before.date
  FROM before
  WHERE m.dataset = 'prices' AND m.symbol = before.symbol AND m.last_date = :date::date AND before.date IS NOT NULL
),
unmarked AS (
  DELETE FROM ingestion_watermarks m
  USING before
  WHERE m.dataset = 'prices' AND m.symbol = before.symbol AND m.last_date = :date::date AND before.date IS NULL
),
marked AS (
  INSERT INTO ingestion_watermarks AS m (dataset, symbol, last_date, updated_at)
  SELECT 'prices', s, :date::date, t FROM incoming
  ON CONFLICT (dataset, symbol) DO UPDATE SET last_date = excluded.last_date, updated_at = excluded.updated_at
    WHERE m.last_date < excluded.last_date
)
SELECT (SELECT count(*) FROM stored WHERE inserted)::int AS new,
       (SELECT count(*) FROM stored WHERE NOT inserted)::int AS changed,
       (SELECT count(*) FROM gone)::int AS removed

-- name: delete-prices
-- Removes the named rows of one session. :symbols  JSON array
WITH gone AS (
  DELETE FROM stock_prices
  WHERE date = :date::date AND symbol IN (SELECT jsonb_array_elements_text(:symbols::jsonb))
  RETURNING 1
)
SELECT count(*)::int AS deleted FROM gone

-- name: old-price-sessions
-- Sessions with rows before :cutoff, oldest first, at most :limit.
SELECT date::text AS date, count(*)::int AS rows
FROM stock_prices
WHERE date < :cutoff::date
GROUP BY date
ORDER BY date
LIMIT :limit

-- name: price-rows
-- Rows of one session by symbol. :symbols  JSON array
SELECT symbol, open::text AS open, high::text AS high, low::text AS low, close::text AS close, volume::text AS volume,
       vwap::text AS vwap, source, to_char(ingested_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ingested_at
FROM stock_prices
WHERE date = :date::date AND symbol IN (SELECT jsonb_array_elements_text(:symbols::jsonb))

-- name: price-symbols
SELECT symbol FROM stock_prices WHERE date = :date::date

-- name: prices-per-session
-- Rows per session, and with each the watermarks that lie before the symbol's own last row.
SELECT p.date::text AS date, count(*)::int AS row_count, count(*) FILTER (WHERE m.last_date IS NULL OR m.last_date < p.date)::int AS behind
FROM stock_prices p
LEFT JOIN ingestion_watermarks m ON m.dataset = 'prices' AND m.symbol = p.symbol
GROUP BY p.date
