-- Bars of the consolidated histories; one file is one symbol, so the file's place in the list names it (files-read.sql
-- checks that it does: comparing a text a bar would cost a fifth of the run).
SELECT true AS from_history, p.sid, b.date, b.open, b.high, b.low, b.close, b.volume
FROM read_parquet(getvariable('history_files'), hive_partitioning = false) b
JOIN pieces p ON p.sid = b.file_index::INTEGER
