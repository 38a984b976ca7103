-- Splits that came or changed are written, those that the vendor took back go; the rest is not touched. One that comes
-- in the place of another of its day is that split corrected, and keeps its first day.
-- :rows  JSON array of {s,d,f,t,k?,h?}: symbol, execution date, split_from, split_to, type, the vendor's factor; numbers
--        as strings
-- :gone  JSON array of {s,d,f,t}
WITH left_out AS (
  SELECT s, d, f, t FROM jsonb_to_recordset(:gone::jsonb) AS g (s text, d date, f numeric, t numeric)
),
stored AS (
  INSERT INTO splits AS p
    (symbol, execution_date, split_from, split_to, first_seen, adjustment_type, historical_adjustment_factor)
  SELECT r.s, r.d, r.f, r.t,
    coalesce(
      (SELECT min(o.first_seen) FROM splits o
       JOIN left_out l ON (o.symbol, o.execution_date, o.split_from, o.split_to) = (l.s, l.d, l.f, l.t)
       WHERE o.symbol = r.s AND o.execution_date = r.d),
      :session::date
    ),
    r.k, r.h
  FROM jsonb_to_recordset(:rows::jsonb) AS r (s text, d date, f numeric, t numeric, k text, h float8)
  ON CONFLICT (symbol, execution_date, split_from, split_to) DO UPDATE
    SET adjustment_type = excluded.adjustment_type, historical_adjustment_factor = excluded.historical_adjustment_factor
    WHERE (p.adjustment_type, p.historical_adjustment_factor)
      IS DISTINCT FROM (excluded.adjustment_type, excluded.historical_adjustment_factor)
  RETURNING (xmax = 0) AS inserted
),
gone AS (
  DELETE FROM splits p
  USING left_out l
  WHERE (p.symbol, p.execution_date, p.split_from, p.split_to) = (l.s, l.d, l.f, l.t)
  RETURNING 1
)
SELECT (SELECT count(*) FROM stored WHERE inserted)::int AS new,
       (SELECT count(*) FROM stored WHERE NOT inserted)::int AS changed,
       (SELECT count(*) FROM gone)::int AS gone
