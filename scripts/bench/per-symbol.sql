COPY (
  SELECT * EXCLUDE (src, place) FROM (
    SELECT *, row_number() OVER (PARTITION BY date ORDER BY ingested_at DESC, src DESC) AS place FROM (
      SELECT *, 0 AS src FROM read_parquet('$history', hive_partitioning = false)
      UNION ALL BY NAME
      SELECT *, 1 AS src FROM news WHERE symbol = '$symbol'))
  WHERE place = 1 ORDER BY date
) TO '$scratch' (FORMAT parquet, COMPRESSION snappy)
