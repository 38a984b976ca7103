-- Questions of DuckDB about symbols and bars; {…} is a relation or a list that whoever asks puts in.

-- name: bars-between
-- First and last bar of each symbol between two lists.
WITH asked AS (
  SELECT unnest({symbols}) AS symbol, unnest({after}::DATE[]) AS after, unnest({before}::DATE[]) AS before
)
SELECT a.symbol, a.after::VARCHAR AS after, min(b.date)::VARCHAR AS first, max(b.date)::VARCHAR AS last
FROM asked a JOIN {bars} b ON b.symbol = a.symbol AND b.date > a.after AND b.date < a.before
GROUP BY a.symbol, a.after

-- name: names-and-bars
-- Names of the lists beside the bars of every session from {first} on and before {until}: how many of each, and how many
-- lack the other.
WITH traded AS (SELECT DISTINCT date, symbol FROM {bars} WHERE date >= {first} AND date < {until}),
held AS (SELECT DISTINCT date FROM traded),
named AS (
  SELECT symbol, valid_from, coalesce(valid_to, DATE '9999-12-31') AS valid_to
  FROM symbol_history WHERE valid_from < {until} AND (valid_to IS NULL OR valid_to > {first})
),
markets AS (SELECT symbol, max(market) AS market FROM {lists} GROUP BY symbol),
names AS (
  SELECT m.market, count(*) AS names
  FROM named n JOIN held h ON h.date >= n.valid_from AND h.date < n.valid_to
  LEFT JOIN markets m ON m.symbol = n.symbol
  GROUP BY m.market
),
matched AS (
  SELECT t.date, t.symbol, m.market
  FROM traded t JOIN named n ON n.symbol = t.symbol AND t.date >= n.valid_from AND t.date < n.valid_to
  LEFT JOIN markets m ON m.symbol = t.symbol
),
unnamed AS (
  SELECT t.symbol, n.symbol IS NULL AS is_unknown
  FROM traded t ANTI JOIN matched x ON x.symbol = t.symbol AND x.date = t.date
  LEFT JOIN (SELECT DISTINCT symbol FROM symbol_history) n ON n.symbol = t.symbol
)
SELECT (SELECT count(*) FROM held)::INTEGER AS sessions,
       (SELECT coalesce(sum(names), 0) FROM names)::DOUBLE AS names,
       (SELECT count(*) FROM traded)::DOUBLE AS bars,
       (SELECT count(*) FROM unnamed WHERE is_unknown)::DOUBLE AS unlisted,
       (SELECT count(*) FROM unnamed WHERE NOT is_unknown)::DOUBLE AS at_other_times,
       (SELECT list(symbol ORDER BY symbol)[1:5] FROM (SELECT DISTINCT symbol FROM unnamed)) AS unnamed,
       (SELECT coalesce(sum(names), 0) FROM names WHERE market = 'otc')::DOUBLE
         - (SELECT count(*) FROM matched WHERE market = 'otc') AS otc,
       (SELECT coalesce(sum(names), 0) FROM names WHERE market IS DISTINCT FROM 'otc')::DOUBLE
         - (SELECT count(*) FROM matched WHERE market IS DISTINCT FROM 'otc') AS not_traded
