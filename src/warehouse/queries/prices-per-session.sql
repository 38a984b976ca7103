-- Rows per session, and with each the watermarks that lie before the symbol's own last row.
SELECT p.date::text AS date, count(*)::int AS row_count, count(*) FILTER (WHERE m.last_date IS NULL OR m.last_date < p.date)::int AS behind
FROM stock_prices p
LEFT JOIN ingestion_watermarks m ON m.dataset = 'prices' AND m.symbol = p.symbol
GROUP BY p.date
