-- Bars of the session files; those of a symbol that is not asked for have no number.
SELECT
  CASE WHEN b.date IS NULL THEN -1 ELSE coalesce(p.sid, -1) END AS sid,
  b.date::DATE AS date, coalesce(b.open::DOUBLE, 'NaN') AS open, coalesce(b.high::DOUBLE, 'NaN') AS high,
  coalesce(b.low::DOUBLE, 'NaN') AS low, coalesce(b.close::DOUBLE, 'NaN') AS close,
  coalesce(b.volume::DOUBLE, 'NaN') AS volume
FROM read_parquet(getvariable('session_files'), hive_partitioning = false) b
LEFT JOIN (
  SELECT unnest(getvariable('symbols')) AS symbol, unnest(range(len(getvariable('symbols'))))::INTEGER AS sid
) p ON p.symbol = b.symbol
