-- Bars of the consolidated histories; one file is one symbol, so the file's place in the list names it.
SELECT true AS from_history, p.sid, b.date, b.open, b.high, b.low, b.close, b.volume
FROM read_parquet(getvariable('history_files'), hive_partitioning = false) b
JOIN pieces p ON p.file = b.file_index::INTEGER AND p.symbol = b.symbol
