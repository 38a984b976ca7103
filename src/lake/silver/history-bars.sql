-- Bars of the consolidated histories.
SELECT true AS from_history, symbol, date, open, high, low, close, volume
FROM read_parquet(getvariable('history_files'), hive_partitioning = false)
