-- name: changed-symbols
-- What began or ended on one date, but for the first list of all.
SELECT symbol, figi, share_class_figi, asset_id, valid_from::text AS valid_from, valid_to::text AS valid_to, reason, ending,
       source
FROM symbol_history
WHERE dataset = :dataset AND (valid_to = :date::date OR (valid_from = :date::date AND reason <> 'first seen'))

-- name: current-index-members
SELECT symbol FROM index_members WHERE "index" = :index AND valid_to IS NULL

-- name: drop-members
-- :symbols  JSON array; their memberships from a day on go.
DELETE FROM index_members
WHERE "index" = :index AND valid_from >= :first::date
  AND symbol IN (SELECT jsonb_array_elements_text(:symbols::jsonb))

-- name: history-has-source
-- Whether the table is of a version that knows of lists of the past.
SELECT EXISTS (
  SELECT 1 FROM information_schema.columns WHERE table_name = 'symbol_history' AND column_name = 'source'
) AS has_source

-- name: index-members-on
-- Who was in the index on a day. Before the first list nothing is known and there are no rows; today's members are
-- never taken for those of an earlier day.
SELECT symbol FROM index_members
WHERE "index" = :index AND valid_from <= :date::date AND (valid_to IS NULL OR valid_to > :date::date)
ORDER BY symbol

-- name: list-evidence
-- Per task: the session of its first and of its last complete sync.
SELECT DISTINCT task_name,
       first_value(metadata ->> 'session') OVER w AS first_session,
       last_value(metadata ->> 'session') OVER w AS last_session
FROM sync_logs
WHERE status = 'success' AND task_name LIKE 'sync-%'
WINDOW w AS (PARTITION BY task_name ORDER BY completed_at, id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)

-- name: read-splits
SELECT symbol, execution_date::text AS execution_date, split_from::text AS split_from, split_to::text AS split_to,
       adjustment_type, historical_adjustment_factor::text AS historical_adjustment_factor
FROM splits

-- name: read-symbol-history
-- The newest row of each symbol.
SELECT DISTINCT ON (symbol)
       symbol, figi, share_class_figi, asset_id, valid_from::text AS valid_from, valid_to::text AS valid_to, reason, ending,
       source
FROM symbol_history
WHERE dataset = :dataset
ORDER BY symbol, symbol_history.valid_from DESC

-- name: reopen-symbol-history
-- The history as it was before a day.
WITH gone AS (
  DELETE FROM symbol_history WHERE dataset = :dataset AND valid_from >= :first::date
)
UPDATE symbol_history SET valid_to = NULL, ending = NULL
WHERE dataset = :dataset AND valid_from < :first::date AND valid_to >= :first::date

-- name: restore-members
-- :rows  JSON array of [symbol, valid_from, valid_to, source]
INSERT INTO index_members ("index", symbol, valid_from, valid_to, source)
SELECT :index, r ->> 0, (r ->> 1)::date, (r ->> 2)::date, r ->> 3
FROM jsonb_array_elements(:rows::jsonb) AS r
ON CONFLICT ("index", symbol, valid_from) DO UPDATE
  SET valid_to = excluded.valid_to, source = excluded.source

-- name: store-index-members
-- One list of an index, of a day not before those of the lists stored already. The same list again changes nothing.
-- :members  JSON array of every symbol in it
WITH listed AS (
  SELECT DISTINCT symbol FROM jsonb_array_elements_text(:members::jsonb) AS l (symbol)
),
left_since AS (
  UPDATE index_members SET valid_to = :date::date
  WHERE "index" = :index AND valid_to IS NULL AND valid_from < :date::date
    AND symbol NOT IN (SELECT symbol FROM listed)
  RETURNING symbol
),
-- A corrected list of the same day: who came by the first one was never in, who left by it never left.
never_in AS (
  DELETE FROM index_members
  WHERE "index" = :index AND valid_to IS NULL AND valid_from = :date::date
    AND symbol NOT IN (SELECT symbol FROM listed)
  RETURNING symbol
),
never_left AS (
  UPDATE index_members SET valid_to = NULL
  WHERE "index" = :index AND valid_to = :date::date AND symbol IN (SELECT symbol FROM listed)
  RETURNING symbol
),
entered AS (
  INSERT INTO index_members ("index", symbol, valid_from)
  SELECT :index, l.symbol, :date::date FROM listed l
  WHERE NOT EXISTS (
    SELECT 1 FROM index_members m
    WHERE m."index" = :index AND m.symbol = l.symbol AND (m.valid_to IS NULL OR m.valid_to >= :date::date)
  )
  ON CONFLICT DO NOTHING
  RETURNING symbol
)
SELECT (SELECT count(*) FROM entered)::int + (SELECT count(*) FROM never_left)::int AS new,
       (SELECT count(*) FROM left_since)::int + (SELECT count(*) FROM never_in)::int AS gone

-- name: store-splits
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

-- name: stored-members
SELECT symbol, valid_from::text AS valid_from, valid_to::text AS valid_to, source
FROM index_members
WHERE "index" = :index

-- name: upsert-symbol-history
-- Rows by (symbol, valid_from); one that ends where it begins is taken out again, unless the first list of all had it:
-- else nobody would know that it was ever listed. A repeated call changes nothing.
-- :rows  JSON array of [symbol, figi, share_class_figi, asset_id, valid_from, valid_to, reason, ending, source]
WITH incoming AS (
  SELECT r ->> 0 AS symbol, r ->> 1 AS figi, r ->> 2 AS share_class_figi, r ->> 3 AS asset_id,
         (r ->> 4)::date AS valid_from, (r ->> 5)::date AS valid_to, r ->> 6 AS reason, r ->> 7 AS ending, r ->> 8 AS source
  FROM jsonb_array_elements(:rows::jsonb) AS r
),
emptied AS (
  DELETE FROM symbol_history h
  USING incoming i
  WHERE h.dataset = :dataset AND h.symbol = i.symbol AND h.valid_from = i.valid_from AND i.valid_to = i.valid_from
    AND i.reason <> 'first seen'
)
INSERT INTO symbol_history AS h
  (dataset, symbol, figi, share_class_figi, asset_id, valid_from, valid_to, reason, ending, source)
SELECT :dataset, symbol, figi, share_class_figi, asset_id, valid_from, valid_to, reason, ending, source
FROM incoming
WHERE valid_to IS NULL OR valid_to > valid_from OR reason = 'first seen'
ON CONFLICT (dataset, symbol, valid_from) DO UPDATE
  SET figi = excluded.figi, share_class_figi = excluded.share_class_figi, asset_id = excluded.asset_id,
      valid_to = excluded.valid_to, reason = excluded.reason, ending = excluded.ending,
      source = excluded.source
  WHERE (h.figi, h.share_class_figi, h.asset_id, h.valid_to, h.reason, h.ending, h.source)
    IS DISTINCT FROM
    (excluded.figi, excluded.share_class_figi, excluded.asset_id, excluded.valid_to, excluded.reason, excluded.ending,
      excluded.source)

-- name: forget-former-companies
-- What was stored about the company that a symbol belonged to before: its details, its valuation, and how asking for
-- them ended. The enrichments then ask for the symbol as for one they never saw. A repeated call removes nothing.
-- :companies  JSON array of [symbol, session from which another company carries it]
WITH taken AS (
  SELECT c ->> 0 AS symbol, (c ->> 1)::date AS since FROM jsonb_array_elements(:companies::jsonb) AS c
),
details AS (
  DELETE FROM symbol_metadata m USING taken t
  WHERE m.symbol = t.symbol AND (m.valid_from IS NULL OR m.valid_from < t.since)
),
valuations AS (
  DELETE FROM dcf_valuations v USING taken t
  WHERE v.symbol = t.symbol AND (v.valid_from IS NULL OR v.valid_from < t.since)
)
DELETE FROM enrichment_attempts a USING taken t
WHERE a.symbol = t.symbol AND (a.valid_from IS NULL OR a.valid_from < t.since)

-- name: read-symbol-history-rows
-- Every row of a dataset.
SELECT symbol, figi, share_class_figi, asset_id, valid_from::text AS valid_from, valid_to::text AS valid_to, reason, ending,
       source
FROM symbol_history
WHERE dataset = :dataset
