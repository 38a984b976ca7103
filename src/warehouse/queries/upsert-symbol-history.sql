-- Rows by (symbol, valid_from); one that ends where it begins is taken out again, unless the first list of all had it:
-- else nobody would know that it was ever listed. A repeated call changes nothing.
-- :rows  JSON array of [symbol, figi, share_class_figi, asset_id, valid_from, valid_to, reason, ending]
WITH incoming AS (
  SELECT r ->> 0 AS symbol, r ->> 1 AS figi, r ->> 2 AS share_class_figi, r ->> 3 AS asset_id,
         (r ->> 4)::date AS valid_from, (r ->> 5)::date AS valid_to, r ->> 6 AS reason, r ->> 7 AS ending
  FROM jsonb_array_elements(:rows::jsonb) AS r
),
emptied AS (
  DELETE FROM symbol_history h
  USING incoming i
  WHERE h.dataset = :dataset AND h.symbol = i.symbol AND h.valid_from = i.valid_from AND i.valid_to = i.valid_from
    AND i.reason <> 'first seen'
)
INSERT INTO symbol_history AS h
  (dataset, symbol, figi, share_class_figi, asset_id, valid_from, valid_to, reason, ending)
SELECT :dataset, symbol, figi, share_class_figi, asset_id, valid_from, valid_to, reason, ending
FROM incoming
WHERE valid_to IS NULL OR valid_to > valid_from OR reason = 'first seen'
ON CONFLICT (dataset, symbol, valid_from) DO UPDATE
  SET figi = excluded.figi, share_class_figi = excluded.share_class_figi, asset_id = excluded.asset_id,
      valid_to = excluded.valid_to, reason = excluded.reason, ending = excluded.ending
  WHERE (h.figi, h.share_class_figi, h.asset_id, h.valid_to, h.reason, h.ending)
    IS DISTINCT FROM
    (excluded.figi, excluded.share_class_figi, excluded.asset_id, excluded.valid_to, excluded.reason, excluded.ending)
