-- Every symbol of one session, as one JSON array: an answer of the Data API holds 1 MiB.
SELECT coalesce(jsonb_agg(symbol), '[]'::jsonb)::text AS symbols
FROM stock_prices
WHERE date = :date::date
