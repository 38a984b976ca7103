-- Per symbol: rows, last date, and dates that do not increase within the file.
SELECT symbol, count(*)::INT AS row_count, max(date)::VARCHAR AS last_date,
       count(*) FILTER (WHERE step <= 0)::INT AS out_of_order
FROM (
  SELECT symbol, date,
         date_diff('day', lag(date) OVER (PARTITION BY filename ORDER BY file_row_number), date) AS step
  FROM read_parquet($files, hive_partitioning = false, filename = true, file_row_number = true)
)
GROUP BY symbol
ORDER BY symbol
