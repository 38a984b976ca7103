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
