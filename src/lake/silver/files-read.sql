-- Bars that the footers of some files name.
SELECT coalesce(sum(num_rows), 0)::DOUBLE AS bars FROM parquet_file_metadata(getvariable('counted_files'))
