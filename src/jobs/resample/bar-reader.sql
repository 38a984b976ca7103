-- name: files-read
-- Bars that the footers of some files name.
SELECT coalesce(sum(num_rows), 0)::DOUBLE AS bars FROM parquet_file_metadata(getvariable('counted_files'))

-- name: history-bars
-- Bars of the consolidated histories in the order they are stored in. One file is one symbol, so its place in the list
-- is the symbol's number; a bar of another symbol, or of no date, has none. A value that is missing must not look like one.
SELECT
  CASE WHEN b.symbol = getvariable('symbols')[b.file_index::INTEGER + 1] AND b.date IS NOT NULL
    THEN b.file_index::INTEGER ELSE -1 END AS sid,
  b.date::DATE AS date, coalesce(b.open::DOUBLE, 'NaN') AS open, coalesce(b.high::DOUBLE, 'NaN') AS high,
  coalesce(b.low::DOUBLE, 'NaN') AS low, coalesce(b.close::DOUBLE, 'NaN') AS close,
  coalesce(b.volume::DOUBLE, 'NaN') AS volume
FROM read_parquet(getvariable('history_files'), hive_partitioning = false) b

-- name: probe
-- Reads every value of one history that the windows need; fails when the file does.
SELECT count(*)::DOUBLE AS bars, coalesce(min(symbol), '') AS first, coalesce(max(symbol), '') AS last, max(date) AS date,
  sum(open + high + low + close) AS prices, sum(volume::DECIMAL(38, 6)) AS volume
FROM read_parquet(getvariable('probed'), hive_partitioning = false)

-- name: session-bars
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
