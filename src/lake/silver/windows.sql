-- All intervals in one pass: `slots` says which window of which interval a session's bars go to, and where its bars
-- come from. Volumes are summed as decimals, because a sum of doubles depends on its order.
SELECT
  s.interval,
  s.month,
  b.symbol,
  s.first_day,
  arg_min(b.open, b.date) AS open,
  max(b.high) AS high,
  min(b.low) AS low,
  arg_max(b.close, b.date) AS close,
  sum(b.volume::DECIMAL(38, 6))::DOUBLE AS volume,
  count(*)::INTEGER AS bars
FROM (/*bars*/) b
JOIN slots s ON s.date = b.date AND s.from_history = b.from_history
GROUP BY s.interval, s.month, b.symbol, s.first_day
ORDER BY s.interval, s.month, b.symbol, s.first_day
