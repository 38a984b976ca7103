-- Reads every value of one history that the windows need; fails when the file does.
SELECT count(*)::DOUBLE AS bars, coalesce(min(symbol), '') AS first, coalesce(max(symbol), '') AS last, max(date) AS date,
  sum(open + high + low + close) AS prices, sum(volume::DECIMAL(38, 6)) AS volume
FROM read_parquet(getvariable('probed'), hive_partitioning = false)
