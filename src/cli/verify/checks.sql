-- name: bars-against-sessions
-- Rows that only one side has, on the dates that session files cover.
WITH s AS (SELECT symbol, date, open, high, low, close, volume, vwap, transactions FROM sessions),
     b AS (
       SELECT symbol, date, open, high, low, close, volume, vwap, transactions FROM bars
       WHERE date IN (SELECT DISTINCT date FROM sessions) AND source <> 'original'
     )
SELECT (SELECT count(*) FROM (SELECT * FROM s EXCEPT SELECT * FROM b))::INT AS only_in_sessions,
       (SELECT count(*) FROM (SELECT * FROM b EXCEPT SELECT * FROM s))::INT AS only_in_history

-- name: bar-faults
-- Per file: bars with a number no bar can have, and the first of them in words. A comparison finds NaN, too, as it sorts
-- above all others; vwap and transactions may be absent.
SELECT filename, count(*)::INT AS faults,
       min(symbol || ' ' || date || ' ' || CASE
         WHEN coalesce(open NOT BETWEEN 0 AND 1e9, true) THEN 'open ' || coalesce(open::VARCHAR, 'null')
         WHEN coalesce(high NOT BETWEEN 0 AND 1e9, true) THEN 'high ' || coalesce(high::VARCHAR, 'null')
         WHEN coalesce(low NOT BETWEEN 0 AND 1e9, true) THEN 'low ' || coalesce(low::VARCHAR, 'null')
         WHEN coalesce(close NOT BETWEEN 0 AND 1e9, true) THEN 'close ' || coalesce(close::VARCHAR, 'null')
         WHEN coalesce(volume NOT BETWEEN 0 AND 9007199254740992, true) THEN 'volume ' || coalesce(volume::VARCHAR, 'null')
         WHEN vwap NOT BETWEEN 0 AND 1e9 THEN 'vwap ' || vwap::VARCHAR
         ELSE 'transactions ' || transactions::VARCHAR END) AS fault
FROM read_parquet($files, hive_partitioning = false, filename = true)
WHERE NOT coalesce(open BETWEEN 0 AND 1e9 AND high BETWEEN 0 AND 1e9 AND low BETWEEN 0 AND 1e9
  AND close BETWEEN 0 AND 1e9 AND volume BETWEEN 0 AND 9007199254740992 AND coalesce(vwap, 0) BETWEEN 0 AND 1e9
  AND coalesce(transactions, 0) BETWEEN 0 AND 9007199254740992, false)
GROUP BY filename
ORDER BY filename

-- name: history
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

-- name: session-rows
-- Per session file: rows, distinct symbols, rows of another date, broken bars.
SELECT filename,
       count(*)::INT AS row_count,
       count(DISTINCT symbol)::INT AS symbols,
       count(*) FILTER (WHERE date <> regexp_extract(filename, 'date=(\d{4}-\d{2}-\d{2})', 1)::DATE)::INT AS other_dates,
       count(*) FILTER (WHERE NOT (low > 0 AND low <= least(open, close) AND high >= greatest(open, close) AND volume >= 0))::INT AS broken
FROM read_parquet($files, hive_partitioning = false, filename = true)
GROUP BY filename
ORDER BY filename

-- name: silver
-- One interval's bars recounted against the history they were made of. A window in which another company took the symbol
-- over holds the bars of its last company only.
WITH changes AS (
  SELECT DISTINCT symbol, company_from FROM symbol_history h
  WHERE company_from > (SELECT min(f.company_from) FROM symbol_history f WHERE f.symbol = h.symbol)
),
former AS (
  SELECT DISTINCT b.symbol, b.date
  FROM changes c
  JOIN (SELECT symbol, date, window_end FROM silver) w
    ON w.symbol = c.symbol AND w.date < c.company_from AND w.window_end >= c.company_from
  JOIN bars b ON b.symbol = w.symbol AND b.date >= w.date AND b.date < c.company_from
  JOIN bars l ON l.symbol = w.symbol AND l.date >= c.company_from AND l.date <= w.window_end
)
SELECT (SELECT count(*) FROM (SELECT symbol, date FROM silver GROUP BY ALL HAVING count(*) > 1))::INT AS doubled,
       (SELECT count(*) FROM silver)::BIGINT::VARCHAR AS windows,
       (SELECT coalesce(sum(bars), 0) FROM silver)::BIGINT::VARCHAR AS bars_in_windows,
       ((SELECT count(*) FROM bars) - (SELECT count(*) FROM former))::BIGINT::VARCHAR AS bars_in_history,
       prices.broken, prices.faults, prices.fault,
       (SELECT count(*) FROM silver WHERE complete AND window_end > (SELECT max(date) FROM bars))::INT AS too_complete
FROM (
  SELECT count(*) FILTER (WHERE NOT (low <= least(open, close) AND high >= greatest(open, close) AND bars > 0))::INT AS broken,
         count(*) FILTER (WHERE NOT coalesce(isfinite(open + high + low + close + volume), false))::INT AS faults,
         min(date || ' ' || symbol) FILTER (WHERE NOT coalesce(isfinite(open + high + low + close + volume), false)) AS fault
  FROM silver
) AS prices

-- name: split-windows
-- Windows of the symbols with a split, or that another company took over, whose highest or lowest price is not that of
-- the last company's bars on today's basis. The tolerance is for products of ratios, which depend on their order.
WITH changes AS (
  SELECT DISTINCT symbol, company_from FROM symbol_history h
  WHERE company_from > (SELECT min(f.company_from) FROM symbol_history f WHERE f.symbol = h.symbol)
),
in_force AS (
  SELECT s.symbol, s.execution_date, s.split_from / s.split_to AS ratio, count(DISTINCT c.company_from) AS company
  FROM splits s LEFT JOIN changes c ON c.symbol = s.symbol AND c.company_from <= s.execution_date
  WHERE s.execution_date <= (SELECT max(date) FROM bars)
  GROUP BY s.symbol, s.execution_date, s.split_from, s.split_to
),
owned AS (
  SELECT b.symbol, b.date, b.high, b.low, count(c.company_from) AS company
  FROM bars b LEFT JOIN changes c ON c.symbol = b.symbol AND c.company_from <= b.date
  WHERE b.symbol IN (SELECT symbol FROM splits UNION ALL SELECT symbol FROM changes)
  GROUP BY b.symbol, b.date, b.high, b.low
),
adjusted AS (
  SELECT b.symbol, b.date, b.company, b.high * coalesce(product(f.ratio), 1) AS high,
    b.low * coalesce(product(f.ratio), 1) AS low
  FROM owned b
  LEFT JOIN in_force f ON f.symbol = b.symbol AND f.execution_date > b.date AND f.company = b.company
  GROUP BY b.symbol, b.date, b.company, b.high, b.low
),
in_windows AS (
  SELECT w.symbol, w.date, w.high, w.low, a.high AS bar_high, a.low AS bar_low
  FROM (SELECT symbol, date, window_end, high, low FROM silver) w
  JOIN adjusted a ON a.symbol = w.symbol AND a.date BETWEEN w.date AND w.window_end
  QUALIFY a.company = max(a.company) OVER (PARTITION BY w.symbol, w.date)
),
compared AS (
  SELECT symbol, high, low, max(bar_high) AS highest, min(bar_low) AS lowest
  FROM in_windows GROUP BY symbol, date, high, low
)
SELECT count(*)::INT AS unadjusted, min(symbol) AS example
FROM compared
WHERE abs(high - highest) > highest * 1e-9 OR abs(low - lowest) > lowest * 1e-9
