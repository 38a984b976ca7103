-- Every view and macro that is made of other ones. Each text is one SELECT of DuckDB 1.1; `{name}` is a relation, a list
-- or a value that whoever makes the view puts in (src/lake/derived-views.ts).

-- name: index-members
-- Memberships out of the dated lists: a symbol is a member from the first list that names it to the day of the first
-- list that does not; valid_to is null while the newest list has it. Of the days before the first list nothing is
-- known: `valid_from <= D AND (valid_to IS NULL OR valid_to > D)` gives no rows for them.
WITH lists AS (
  -- Of a day that a night has a list of, that one counts.
  FROM index_lists QUALIFY source IS NULL OR NOT bool_or(source IS NULL) OVER (PARTITION BY "index", date)
),
days AS (
  SELECT "index", date,
         row_number() OVER (PARTITION BY "index" ORDER BY date) AS day,
         lead(date) OVER (PARTITION BY "index" ORDER BY date) AS next_date
  FROM (SELECT DISTINCT "index", date FROM lists)
),
seen AS (
  SELECT "index", symbol, date, next_date, source,
         day - row_number() OVER (PARTITION BY "index", symbol ORDER BY date) AS stay
  FROM lists JOIN days USING ("index", date)
)
SELECT "index", symbol, min(date) AS valid_from,
       CASE WHEN count(*) = count(next_date) THEN max(next_date) END AS valid_to, first(source ORDER BY date) AS source
FROM seen
GROUP BY "index", symbol, stay
ORDER BY "index", symbol, valid_from

-- name: corporate-actions
-- What changes the basis of a price, one row a symbol and day in force by {newest}: shares_from old shares became shares_to
-- new ones, and cash was paid for each share. A day's dividends are one factor, 1 - cash / close before, the close being
-- the last one before the day, brought to the day's share basis by the splits since (docs/decisions/0013-adjusted-on-read.md). Cash
-- in another currency than USD, or no less than that close, adjusts nothing. An action is that of the company which
-- carries the symbol on its day; one on the very day of a takeover, or with a close of the former company, has no effect.
WITH takeovers AS (
  SELECT symbol, company_from FROM (SELECT DISTINCT symbol, company_from FROM {symbol_history})
  QUALIFY company_from > min(company_from) OVER (PARTITION BY symbol)
),
split_days AS (
  SELECT symbol, execution_date AS day, list_product(list(split_from ORDER BY split_from, split_to)) AS shares_from,
         list_product(list(split_to ORDER BY split_from, split_to)) AS shares_to
  FROM (SELECT DISTINCT symbol, execution_date, split_from, split_to FROM {splits})
  WHERE execution_date <= {newest} AND split_from <> split_to
  GROUP BY symbol, execution_date
),
cash_days AS (
  SELECT symbol, ex_date AS day, list_sum(list(cash_amount ORDER BY cash_amount)) AS cash
  FROM {dividends}
  WHERE currency = 'USD' AND ex_date <= {newest}
  GROUP BY symbol, ex_date
),
sessions_before AS (
  SELECT c.symbol, c.day, s.date AS session
  FROM cash_days c ASOF JOIN {sessions} s ON c.day > s.date
),
traded AS (
  SELECT d.symbol, d.day, b.date AS date_before, b.close AS close_before
  FROM sessions_before d JOIN {bars} b ON b.symbol = d.symbol AND b.date = d.session
),
-- Few had no bar in the session before: only for those is every bar looked at.
halted AS (
  SELECT d.symbol, d.day, max(b.date) AS date_before, arg_max(b.close, b.date) AS close_before
  FROM (SELECT symbol, day FROM sessions_before ANTI JOIN traded USING (symbol, day)) d
  JOIN {bars} b ON b.symbol = d.symbol AND b.date < d.day
  GROUP BY d.symbol, d.day
),
closes AS (
  SELECT c.symbol, c.day, c.date_before, c.close_before,
         c.close_before * coalesce(list_product(list(s.shares_from ORDER BY s.day)), 1)
           / coalesce(list_product(list(s.shares_to ORDER BY s.day)), 1) AS basis
  FROM (FROM traded UNION ALL FROM halted) c
  LEFT JOIN split_days s ON s.symbol = c.symbol AND s.day > c.date_before AND s.day <= c.day
  GROUP BY c.symbol, c.day, c.date_before, c.close_before
),
actions AS (
  SELECT symbol, day, shares_from, shares_to, NULL::DOUBLE AS cash, NULL::DATE AS date_before,
         NULL::DOUBLE AS close_before, NULL::DOUBLE AS basis
  FROM split_days
  UNION ALL
  SELECT c.symbol, c.day, NULL, NULL, c.cash, b.date_before, b.close_before, b.basis
  FROM cash_days c JOIN closes b ON b.symbol = c.symbol AND b.day = c.day
),
owned AS (
  SELECT a.*, t.company_from
  FROM actions a ASOF LEFT JOIN takeovers t ON a.symbol = t.symbol AND a.day >= t.company_from
  WHERE coalesce(a.day > t.company_from AND (a.date_before IS NULL OR a.date_before >= t.company_from), true)
)
SELECT symbol, company_from, day, coalesce(max(shares_from), 1) AS shares_from, coalesce(max(shares_to), 1) AS shares_to,
       max(cash) AS cash, max(date_before) AS date_before, max(close_before) AS close_before,
       coalesce(max(CASE WHEN cash < basis THEN 1 - cash / basis END), 1) AS dividend_factor
FROM owned
GROUP BY symbol, company_from, day

-- name: adjustment-factors
-- What the prices of a symbol from one day to the day before another are multiplied by, and its volumes divided by as far
-- as splits go: the products over every later action of the same company. Products of sorted lists, so that the same
-- actions give the same bits however many threads there are.
WITH takeovers AS (
  SELECT symbol, company_from FROM (SELECT DISTINCT symbol, company_from FROM {symbol_history})
  QUALIFY company_from > min(company_from) OVER (PARTITION BY symbol)
),
chains AS (
  SELECT symbol, list(day ORDER BY day DESC) AS days, list(shares_from ORDER BY day DESC) AS shares_from,
         list(shares_to ORDER BY day DESC) AS shares_to, list(dividend_factor ORDER BY day DESC) AS dividend_factors
  FROM {corporate_actions}
  GROUP BY symbol, company_from
),
ends AS (
  SELECT symbol, days[place] AS valid_to, list_product(shares_from[1:place]) / list_product(shares_to[1:place]) AS split_factor,
         list_product(dividend_factors[1:place]) AS dividend_factor
  FROM (SELECT *, unnest(generate_series(1, len(days))) AS place FROM chains)
  UNION ALL
  SELECT symbol, company_from, 1, 1 FROM takeovers
)
SELECT symbol, lag(valid_to, 1, DATE '0001-01-01') OVER (PARTITION BY symbol ORDER BY valid_to) AS valid_from, valid_to,
       split_factor, dividend_factor
FROM ends

-- name: adjusted-bars
SELECT symbol, date, open * (split_factor * dividend_factor) AS open, high * (split_factor * dividend_factor) AS high,
       low * (split_factor * dividend_factor) AS low, close * (split_factor * dividend_factor) AS close,
       volume / split_factor AS volume, vwap * (split_factor * dividend_factor) AS vwap, transactions,
       split_factor, dividend_factor
FROM (
  SELECT b.*, coalesce(f.split_factor, 1) AS split_factor, {dividend_factor} AS dividend_factor
  FROM {bars} b
  LEFT JOIN {factors} f ON f.symbol = b.symbol AND b.date >= f.valid_from AND b.date < f.valid_to
)

-- name: dividend-factors
-- Our factor of every dividend day beside the vendor's. cumulative_factor is the product over this day and every later
-- one in force, as vendor_factor is; the vendor gives it with six decimals. Where the vendor counts an announced one
-- already, the difference does so too.
SELECT a.symbol, a.day AS ex_date, a.cash, a.date_before, a.close_before, a.dividend_factor AS factor,
       f.dividend_factor AS cumulative_factor, v.vendor_factor,
       f.dividend_factor * coalesce(n.vendor_factor, 1) - v.vendor_factor AS difference
FROM {corporate_actions} a
JOIN {factors} f ON f.symbol = a.symbol AND f.valid_to = a.day
LEFT JOIN (
  SELECT symbol, ex_date, max(historical_adjustment_factor) AS vendor_factor FROM {dividends} GROUP BY symbol, ex_date
) v ON v.symbol = a.symbol AND v.ex_date = a.day
LEFT JOIN (
  SELECT symbol, arg_min(historical_adjustment_factor, ex_date) AS vendor_factor
  FROM {dividends} WHERE ex_date > {newest} AND historical_adjustment_factor IS NOT NULL GROUP BY symbol
) n ON n.symbol = a.symbol
WHERE a.cash IS NOT NULL

-- name: benchmark
-- growth is what one dollar of the first day is worth, dividends reinvested.
SELECT symbol, date, b.close, a.close AS adjusted_close,
       a.close / lag(a.close) OVER (PARTITION BY symbol ORDER BY date) - 1 AS daily_return,
       a.close / first_value(a.close) OVER (PARTITION BY symbol ORDER BY date) AS growth
FROM {bars} b JOIN {adjusted} a USING (symbol, date)
ORDER BY symbol, date

-- name: sessions-as-known
-- The sessions that were there after the night of session as_of, and `cutoff`, the first moment that is no longer of that
-- night: of the fetch of a later session, or of a revision that a later night found; null when nothing came since. A session
-- counts from the first fetch of any of its rows.
WITH opened AS (
  SELECT date, min(came) AS came
  FROM (
    SELECT date, min(ingested_at) AS came FROM {bars} GROUP BY date
    UNION ALL SELECT date, min(served_since) FROM {revisions} GROUP BY date
  )
  GROUP BY date
),
later AS (
  SELECT least(
    (SELECT min(came) FROM opened WHERE date > as_of::DATE),
    (SELECT min(revised_at) FROM {revisions} WHERE night > as_of::DATE)
  ) AS cutoff
)
SELECT date, cutoff FROM opened CROSS JOIN later WHERE coalesce(came < cutoff, true)

-- name: bars-as-known
-- The bars as they were after the night of session as_of: what came with a later session or revision is taken back.
-- `source` is that of the row now, of one that is gone its session's.
WITH known AS (SELECT date, cutoff FROM {sessions}),
undone AS (
  SELECT r.* FROM {revisions} r JOIN known k ON k.date = r.date AND r.revised_at >= k.cutoff
  QUALIFY row_number() OVER (PARTITION BY r.symbol, r.date ORDER BY r.revised_at) = 1
)
SELECT symbol, date, open, high, low, close, volume, vwap, transactions, source, ingested_at
FROM {bars} SEMI JOIN known USING (date) ANTI JOIN undone USING (symbol, date)
UNION ALL
SELECT u.symbol, u.date, u.open_before, u.high_before, u.low_before, u.close_before, u.volume_before, u.vwap_before,
       u.transactions_before, coalesce(b.source, s.source), u.served_since
FROM undone u
LEFT JOIN (SELECT symbol, date, source FROM {bars} SEMI JOIN undone USING (date)) b
  ON b.symbol = u.symbol AND b.date = u.date
LEFT JOIN (SELECT date, min(source) AS source FROM {bars} SEMI JOIN undone USING (date) GROUP BY date) s
  ON s.date = u.date
WHERE u.kind <> 'added'

-- name: list-as-known
-- The newest snapshot of a list that is not of a later day than as_of; none before the first one.
SELECT * FROM read_parquet({file}, hive_partitioning = false) WHERE as_of::DATE >= {first}

-- name: universe
-- What was listed on a day, and since when the symbol has been its company's; of days before the first list nothing is known.
SELECT symbol, figi, share_class_figi, company_from
FROM {symbol_history}
WHERE valid_from <= as_of::DATE AND (valid_to IS NULL OR valid_to > as_of::DATE)
ORDER BY symbol

-- name: members
SELECT symbol
FROM {index_members}
WHERE "index" = index_name AND valid_from <= as_of::DATE AND (valid_to IS NULL OR valid_to > as_of::DATE)
ORDER BY symbol
