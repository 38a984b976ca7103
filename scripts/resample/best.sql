-- All intervals in one statement, as fast as DuckDB has it: one scan, joined with the calendar and the intervals, arg_min and
-- arg_max instead of ordered aggregates, one partitioned copy. Rows of a file come in no order (duckdb/duckdb#14349).
COPY (
  WITH numbered AS (
    SELECT b.symbol, c.number, b.open, b.high, b.low, b.close, b.volume
    FROM read_parquet(getvariable('files')) b JOIN calendar c USING (date)
  ), windows AS (
    SELECT n, symbol, floor(number / n)::INTEGER AS window, arg_min(open, number) AS open, max(high) AS high, min(low) AS low,
      arg_max(close, number) AS close, sum(volume) AS volume, count(*)::INTEGER AS bars
    FROM numbered, (VALUES (3), (5), (8), (13), (21), (34)) intervals(n) GROUP BY ALL
  )
  SELECT w.symbol, first.date, last.date AS window_end, w.open, w.high, w.low, w.close, w.volume, w.bars,
    last.number <= /*newest*/ AS complete, w.n, year(first.date)::INTEGER AS year, month(first.date)::INTEGER AS month
  FROM windows w JOIN calendar first ON first.number = w.window * w.n JOIN calendar last ON last.number = (w.window + 1) * w.n - 1
) TO '/*folder*/' (FORMAT parquet, PARTITION_BY (n, year, month))
