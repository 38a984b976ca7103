-- Sessions with rows before :cutoff, oldest first, at most :limit.
SELECT date::text AS date, count(*)::int AS rows
FROM stock_prices
WHERE date < :cutoff::date
GROUP BY date
ORDER BY date
LIMIT :limit
