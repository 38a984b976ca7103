-- Bars before a split, on the basis of after it.
SELECT b.from_history, b.sid, b.date,
  b.open * coalesce(f.factor, 1) AS open, b.high * coalesce(f.factor, 1) AS high,
  b.low * coalesce(f.factor, 1) AS low, b.close * coalesce(f.factor, 1) AS close,
  b.volume / coalesce(f.factor, 1) AS volume
FROM (/*bars*/) b
LEFT JOIN factors f ON f.sid = b.sid AND b.date >= f.from_date AND b.date < f.to_date
