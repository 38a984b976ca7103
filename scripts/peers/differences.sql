-- Rows of one that the other has not. A sum of volumes is of whole numbers, so it is the same in any order.
WITH ours AS (
  SELECT regexp_extract(filename, 'silver_(\d+)d', 1)::INTEGER AS n, symbol, date, open, high, low, close, volume, bars
  FROM read_parquet('{folder}/silver/*/*/*/*.parquet', filename = true, hive_partitioning = false)
), theirs AS (
  SELECT n::INTEGER AS n, symbol, date::DATE AS date, open, high, low, close, volume, bars::INTEGER AS bars
  FROM read_parquet('{folder}/{peer}/*/*/*/*.parquet', hive_partitioning = true, hive_types = {'n': INTEGER})
)
SELECT (SELECT count(*) FROM ours)::INTEGER AS rows, (SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs))::INTEGER AS lacks,
  (SELECT count(*) FROM (FROM theirs EXCEPT ALL FROM ours))::INTEGER AS besides
