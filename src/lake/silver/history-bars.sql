-- Bars of the consolidated histories in the order they are stored in. One file is one symbol, so its place in the list
-- is the symbol's number; a bar of another symbol, or of no date, has none. A value that is missing must not look like one.
SELECT
  CASE WHEN b.symbol = getvariable('symbols')[b.file_index::INTEGER + 1] AND b.date IS NOT NULL
    THEN b.file_index::INTEGER ELSE -1 END AS sid,
  b.date::DATE AS date, coalesce(b.open::DOUBLE, 'NaN') AS open, coalesce(b.high::DOUBLE, 'NaN') AS high,
  coalesce(b.low::DOUBLE, 'NaN') AS low, coalesce(b.close::DOUBLE, 'NaN') AS close,
  coalesce(b.volume::DOUBLE, 'NaN') AS volume
FROM read_parquet(getvariable('history_files'), hive_partitioning = false) b
