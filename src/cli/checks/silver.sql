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
       (SELECT count(*) FROM silver WHERE NOT (low <= least(open, close) AND high >= greatest(open, close) AND bars > 0))::INT AS broken,
       (SELECT count(*) FROM silver WHERE complete AND window_end > (SELECT max(date) FROM bars))::INT AS too_complete
FROM (SELECT 1) AS one
