-- name: read-dividends
SELECT symbol, ex_date::text AS ex_date, cash_amount::text AS cash_amount, currency, distribution_type,
       record_date::text AS record_date, pay_date::text AS pay_date, declaration_date::text AS declaration_date,
       frequency, historical_adjustment_factor::text AS historical_adjustment_factor
FROM dividends

-- name: store-dividends
-- Dividends that came or changed are written, those that the vendor took back go; the rest is not touched. One that
-- comes in the place of another of its day and type is that dividend corrected, and keeps its first day.
-- :rows  JSON array of {s,x,a,c,k,r?,p?,d?,f?,h?}: symbol, ex date, amount, currency, type, record, pay and declaration
--        date, frequency, the vendor's factor; amount and factor as strings
-- :gone  JSON array of {s,x,a,c,k}
WITH left_out AS (
  SELECT s, x, a, c, k FROM jsonb_to_recordset(:gone::jsonb) AS g (s text, x date, a numeric, c text, k text)
),
stored AS (
  INSERT INTO dividends AS p
    (symbol, ex_date, cash_amount, currency, distribution_type, record_date, pay_date, declaration_date, frequency,
     historical_adjustment_factor, first_seen)
  SELECT r.s, r.x, r.a, r.c, r.k, r.r, r.p, r.d, r.f, r.h,
    coalesce(
      (SELECT min(o.first_seen) FROM dividends o
       JOIN left_out l ON (o.symbol, o.ex_date, o.distribution_type, o.cash_amount, o.currency) = (l.s, l.x, l.k, l.a, l.c)
       WHERE o.symbol = r.s AND o.ex_date = r.x AND o.distribution_type = r.k),
      :session::date
    )
  FROM jsonb_to_recordset(:rows::jsonb)
    AS r (s text, x date, a numeric, c text, k text, r date, p date, d date, f int, h float8)
  ON CONFLICT (symbol, ex_date, distribution_type, cash_amount, currency) DO UPDATE
    SET record_date = excluded.record_date, pay_date = excluded.pay_date,
        declaration_date = excluded.declaration_date, frequency = excluded.frequency,
        historical_adjustment_factor = excluded.historical_adjustment_factor
    WHERE (p.record_date, p.pay_date, p.declaration_date, p.frequency, p.historical_adjustment_factor)
      IS DISTINCT FROM
      (excluded.record_date, excluded.pay_date, excluded.declaration_date, excluded.frequency,
       excluded.historical_adjustment_factor)
  RETURNING (xmax = 0) AS inserted
),
gone AS (
  DELETE FROM dividends p
  USING left_out l
  WHERE (p.symbol, p.ex_date, p.distribution_type, p.cash_amount, p.currency) = (l.s, l.x, l.k, l.a, l.c)
  RETURNING 1
)
SELECT (SELECT count(*) FROM stored WHERE inserted)::int AS new,
       (SELECT count(*) FROM gone)::int AS gone
