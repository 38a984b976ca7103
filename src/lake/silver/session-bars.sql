-- Bars of the session files.
SELECT false AS from_history, p.sid, b.date, b.open, b.high, b.low, b.close, b.volume
FROM read_parquet(getvariable('session_files'), hive_partitioning = false) b
JOIN pieces p USING (symbol)
