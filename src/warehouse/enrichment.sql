-- name: enrichment-attempts
-- Every asking of one dataset; at: ms since 1970.
SELECT symbol, ending, (extract(epoch FROM attempted_at) * 1000)::bigint AS at
FROM enrichment_attempts
WHERE dataset = :dataset

-- name: enrichment-counts
-- Rows of each enrichment, and how many its runs have ever brought.
SELECT s.task, s.stored::int AS stored,
       (SELECT coalesce(sum(rows_updated), 0) FROM sync_logs WHERE task_name = s.task)::int AS brought
FROM (
  SELECT 'sync-metadata' AS task, count(*) AS stored FROM symbol_metadata
  UNION ALL
  SELECT 'sync-valuations', count(*) FROM dcf_valuations
) AS s
ORDER BY s.task

-- name: skipped-symbols
-- Symbols that one sync asked for without getting a value, with the reason and what was wrong.
SELECT symbol, reason, answer::text AS answer
FROM enrichment_attempts
WHERE dataset = :dataset AND attempted_at = :at::timestamp AND ending <> 'ok'

-- name: upsert-dcf-valuations
-- One chunk of valuations with how each asking ended, in one statement.
-- :rows      JSON array of {s,d,v,p,f}: symbol, date, dcf, stock price, source; numbers as strings
-- :attempts  JSON array of {s,e,r,x}: symbol, ending, reason, answer
-- An older valuation never replaces a newer one, and no answer without a value touches a row.
-- Figi and valid_from are those of the symbol's row in symbol_history: a row of a former company is gone by then.
WITH incoming AS (
  SELECT s, d, v, p, f
  FROM jsonb_to_recordset(:rows::jsonb) AS r (s text, d date, v numeric, p numeric, f text)
),
holders AS (
  SELECT DISTINCT ON (symbol) symbol, figi, valid_from
  FROM symbol_history
  WHERE dataset = 'tickers' AND (symbol IN (SELECT s FROM incoming)
    OR symbol IN (SELECT a ->> 's' FROM jsonb_array_elements(:attempts::jsonb) AS a))
  ORDER BY symbol, valid_from DESC
),
stored AS (
  INSERT INTO dcf_valuations AS c (symbol, date, dcf, stock_price, source, figi, valid_from, fetched_at)
  SELECT s, d, v, p, f, h.figi, h.valid_from, :at::timestamp
  FROM incoming i
  LEFT JOIN holders h ON h.symbol = i.s
  ON CONFLICT (symbol) DO UPDATE
    SET date = excluded.date, dcf = excluded.dcf, stock_price = excluded.stock_price, source = excluded.source,
        figi = excluded.figi, valid_from = excluded.valid_from, fetched_at = excluded.fetched_at
    WHERE c.date <= excluded.date
      AND (c.date, c.dcf, c.stock_price, c.source, c.figi, c.valid_from)
        IS DISTINCT FROM (excluded.date, excluded.dcf, excluded.stock_price, excluded.source, excluded.figi,
          excluded.valid_from)
  RETURNING (xmax = 0) AS inserted
),
asked AS (
  INSERT INTO enrichment_attempts AS a (dataset, symbol, attempted_at, ending, reason, answer, valid_from)
  SELECT 'valuations', s, :at::timestamp, e, r, nullif(x, 'null'::jsonb), h.valid_from
  FROM jsonb_to_recordset(:attempts::jsonb) AS t (s text, e text, r text, x jsonb)
  LEFT JOIN holders h ON h.symbol = t.s
  ON CONFLICT (dataset, symbol) DO UPDATE
    SET attempted_at = excluded.attempted_at, ending = excluded.ending, reason = excluded.reason,
        answer = excluded.answer, valid_from = excluded.valid_from
  RETURNING symbol, ending
)
SELECT (SELECT count(*) FROM stored WHERE inserted)::int AS new,
       (SELECT count(*) FROM stored WHERE NOT inserted)::int AS changed,
       (SELECT count(*) FROM asked JOIN dcf_valuations USING (symbol) WHERE ending = 'empty')::int AS kept

-- name: upsert-symbol-metadata
-- One chunk of companies with how each asking ended, in one statement.
-- :rows      JSON array of {s,n,sec,ind,sic,e,t,l,m,d,f}: symbol, name, sector, industry, SIC code, exchange, type, list date,
--            market cap, description, source; numbers as strings
-- :attempts  JSON array of {s,e,r,x}: symbol, ending, reason, answer
-- Figi and valid_from are those of the symbol's row in symbol_history: a row of a former company is gone by then.
-- A field that no vendor names this time keeps its value; a sector derived from a SIC code never replaces FMP's own.
WITH incoming AS (
  SELECT s, n, sec, ind, sic, e, t, l, m, d, f
  FROM jsonb_to_recordset(:rows::jsonb)
    AS r (s text, n text, sec text, ind text, sic text, e text, t text, l date, m numeric, d text, f text)
),
holders AS (
  SELECT DISTINCT ON (symbol) symbol, figi, valid_from
  FROM symbol_history
  WHERE dataset = 'tickers' AND (symbol IN (SELECT s FROM incoming)
    OR symbol IN (SELECT a ->> 's' FROM jsonb_array_elements(:attempts::jsonb) AS a))
  ORDER BY symbol, valid_from DESC
),
merged AS (
  SELECT i.s,
    CASE WHEN k.keep THEN coalesce(o.name, i.n) ELSE coalesce(i.n, o.name) END AS n,
    CASE WHEN k.keep THEN o.sector ELSE coalesce(i.sec, o.sector) END AS sec,
    CASE WHEN k.keep THEN o.industry ELSE coalesce(i.ind, o.industry) END AS ind,
    coalesce(i.sic, o.sic_code) AS sic, coalesce(i.e, o.exchange) AS e, coalesce(i.t, o.type) AS t,
    coalesce(i.l, o.list_date) AS l, coalesce(i.m, o.market_cap) AS m, coalesce(i.d, o.description) AS d,
    CASE WHEN k.keep THEN o.source ELSE i.f END AS f, h.figi, h.valid_from
  FROM incoming i
  LEFT JOIN holders h ON h.symbol = i.s
  LEFT JOIN symbol_metadata o ON o.symbol = i.s
  CROSS JOIN LATERAL (
    SELECT o.sector IS NOT NULL AND ((o.source = 'fmp' AND i.f <> 'fmp') OR i.sec IS NULL) AS keep
  ) k
),
stored AS (
  INSERT INTO symbol_metadata AS c
    (symbol, name, sector, industry, sic_code, exchange, type, list_date, market_cap, description, source, figi,
      valid_from, fetched_at)
  SELECT s, n, sec, ind, sic, e, t, l, m, d, f, figi, valid_from, :at::timestamp FROM merged
  ON CONFLICT (symbol) DO UPDATE
    SET name = excluded.name, sector = excluded.sector, industry = excluded.industry, sic_code = excluded.sic_code,
        exchange = excluded.exchange, type = excluded.type, list_date = excluded.list_date,
        market_cap = excluded.market_cap, description = excluded.description, source = excluded.source,
        figi = excluded.figi, valid_from = excluded.valid_from, fetched_at = excluded.fetched_at
    WHERE (c.name, c.sector, c.industry, c.sic_code, c.exchange, c.type, c.list_date, c.market_cap, c.description,
        c.source, c.figi, c.valid_from)
      IS DISTINCT FROM (excluded.name, excluded.sector, excluded.industry, excluded.sic_code, excluded.exchange,
        excluded.type, excluded.list_date, excluded.market_cap, excluded.description, excluded.source, excluded.figi,
        excluded.valid_from)
  RETURNING c.symbol, (xmax = 0) AS inserted
),
asked AS (
  INSERT INTO enrichment_attempts AS a (dataset, symbol, attempted_at, ending, reason, answer, valid_from)
  SELECT 'metadata', s, :at::timestamp, e, r, nullif(x, 'null'::jsonb), h.valid_from
  FROM jsonb_to_recordset(:attempts::jsonb) AS t (s text, e text, r text, x jsonb)
  LEFT JOIN holders h ON h.symbol = t.s
  ON CONFLICT (dataset, symbol) DO UPDATE
    SET attempted_at = excluded.attempted_at, ending = excluded.ending, reason = excluded.reason,
        answer = excluded.answer, valid_from = excluded.valid_from
  RETURNING symbol, ending
)
SELECT (SELECT count(*) FROM stored WHERE inserted)::int AS new,
       -- A row that the other vendor brought in this very sync is completed, not changed; this sees the table as it was.
       (SELECT count(*) FROM stored n WHERE NOT inserted AND NOT EXISTS (
         SELECT 1 FROM symbol_metadata b WHERE b.symbol = n.symbol AND b.fetched_at = :at::timestamp))::int AS changed,
       (SELECT count(*) FROM asked JOIN symbol_metadata USING (symbol) WHERE ending = 'empty')::int AS kept
