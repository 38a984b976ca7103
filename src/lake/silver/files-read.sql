-- Bars in the histories by their footers.
SELECT coalesce(sum(num_rows), 0)::DOUBLE AS bars FROM parquet_file_metadata(getvariable('history_files'))
