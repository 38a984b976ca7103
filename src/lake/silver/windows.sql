-- All intervals in one pass: `slots` says which windows a date's bars go to and where they come from. Symbol and window
-- are one number, because hashing two columns costs more than the aggregation. Volumes come as numbers whose sum does
-- not depend on its order.
SELECT
  b.sid * /*slots*/ + s.slot AS place,
  arg_min(b.open, b.date) AS open,
  max(b.high) AS high,
  min(b.low) AS low,
  arg_max(b.close, b.date) AS close,
  sum(b.volume)::DOUBLE AS volume,
  count(*)::INTEGER AS bars
FROM (SELECT * REPLACE (/*volume*/ AS volume) FROM (/*bars*/)) b
JOIN slots s ON s.date = b.date AND s.from_history = b.from_history
GROUP BY place
