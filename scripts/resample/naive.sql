-- One interval as one would write it first: a window, ordered aggregates, a partitioned copy.
COPY (
  WITH numbered AS (
    SELECT *, row_number() OVER (PARTITION BY symbol ORDER BY date) - 1 AS number FROM read_parquet(getvariable('files'))
  ), windows AS (
    SELECT symbol, min(date) AS date, max(date) AS window_end, first(open ORDER BY date) AS open, max(high) AS high,
      min(low) AS low, last(close ORDER BY date) AS close, sum(volume) AS volume, count(*)::INTEGER AS bars
    FROM numbered GROUP BY symbol, number // /*n*/
  )
  SELECT *, bars = /*n*/ AS complete, year(date)::INTEGER AS year, month(date)::INTEGER AS month FROM windows
  ORDER BY symbol, date
) TO '/*folder*/' (FORMAT parquet, PARTITION_BY (year, month))
