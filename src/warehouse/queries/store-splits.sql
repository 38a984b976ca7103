-- Splits that came or changed are written, those that the vendor took back go; the rest is not touched.
-- :rows  JSON array of {s,d,f,t}: symbol, execution date, split_from, split_to; numbers as strings
-- :gone  JSON array of {s,d}
WITH stored AS (
  INSERT INTO splits AS p (symbol, execution_date, split_from, split_to, first_seen)
  SELECT s, d, f, t, :session::date
  FROM jsonb_to_recordset(:rows::jsonb) AS r (s text, d date, f numeric, t numeric)
  ON CONFLICT (symbol, execution_date) DO UPDATE SET split_from = excluded.split_from, split_to = excluded.split_to
    WHERE (p.split_from, p.split_to) IS DISTINCT FROM (excluded.split_from, excluded.split_to)
  RETURNING (xmax = 0) AS inserted
),
gone AS (
  DELETE FROM splits p
  USING jsonb_to_recordset(:gone::jsonb) AS g (s text, d date)
  WHERE p.symbol = g.s AND p.execution_date = g.d
  RETURNING 1
)
SELECT (SELECT count(*) FROM stored WHERE inserted)::int AS new,
       (SELECT count(*) FROM stored WHERE NOT inserted)::int AS changed,
       (SELECT count(*) FROM gone)::int AS gone
