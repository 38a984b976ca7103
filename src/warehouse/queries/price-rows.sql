-- Rows of one session by symbol. :symbols  JSON array
SELECT symbol, open::text AS open, high::text AS high, low::text AS low, close::text AS close, volume::text AS volume,
       vwap::text AS vwap, source, to_char(ingested_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ingested_at
FROM stock_prices
WHERE date = :date::date AND symbol IN (SELECT jsonb_array_elements_text(:symbols::jsonb))
