-- Bars in the histories whose footer says that they are all of the file's own symbol.
SELECT coalesce(sum(m.num_values) FILTER (m.stats_min_value = p.symbol AND m.stats_max_value = p.symbol), 0)::DOUBLE AS bars
FROM parquet_metadata(getvariable('history_files')) m
JOIN pieces p ON p.path = m.file_name
WHERE m.path_in_schema = 'symbol'
