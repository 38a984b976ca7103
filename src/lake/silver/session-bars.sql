-- Bars of the session files.
SELECT false AS from_history, symbol, date, open, high, low, close, volume
FROM read_parquet(getvariable('session_files'), hive_partitioning = false)
