-- Windows of the symbols with a split whose highest or lowest price is not that of their bars on today's basis. The
-- tolerance is for products of ratios, which depend on their order.
WITH in_force AS (
  SELECT symbol, execution_date, last(split_from / split_to) AS ratio FROM splits
  WHERE execution_date <= (SELECT max(date) FROM bars) GROUP BY symbol, execution_date
),
adjusted AS (
  SELECT b.symbol, b.date, b.high * coalesce(product(f.ratio), 1) AS high, b.low * coalesce(product(f.ratio), 1) AS low
  FROM bars b LEFT JOIN in_force f ON f.symbol = b.symbol AND f.execution_date > b.date
  WHERE b.symbol IN (SELECT symbol FROM splits)
  GROUP BY b.symbol, b.date, b.high, b.low
),
compared AS (
  SELECT w.symbol, w.high, w.low, max(a.high) AS highest, min(a.low) AS lowest
  FROM (SELECT symbol, date, window_end, high, low FROM silver) w
  JOIN adjusted a ON a.symbol = w.symbol AND a.date BETWEEN w.date AND w.window_end
  GROUP BY w.symbol, w.date, w.high, w.low
)
SELECT count(*)::INT AS unadjusted, min(symbol) AS example
FROM compared
WHERE abs(high - highest) > highest * 1e-9 OR abs(low - lowest) > lowest * 1e-9
