-- Per session file: rows, distinct symbols, rows of another date, broken bars.
SELECT filename,
       count(*)::INT AS row_count,
       count(DISTINCT symbol)::INT AS symbols,
       count(*) FILTER (WHERE date <> regexp_extract(filename, 'date=(\d{4}-\d{2}-\d{2})', 1)::DATE)::INT AS other_dates,
       count(*) FILTER (WHERE NOT (low > 0 AND low <= least(open, close) AND high >= greatest(open, close) AND volume >= 0))::INT AS broken
FROM read_parquet($files, hive_partitioning = false, filename = true)
GROUP BY filename
ORDER BY filename
