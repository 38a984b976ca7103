-- What began or ended on one date, but for the first list of all; packed as read-symbol-history.sql is.
SELECT jsonb_build_array(symbol, figi, share_class_figi, asset_id, valid_from, valid_to, reason, ending)::text AS packed
FROM (
  SELECT *
  FROM symbol_history
  WHERE dataset = :dataset AND symbol COLLATE "C" > :after
    AND (valid_to = :date::date OR (valid_from = :date::date AND reason <> 'first seen'))
  ORDER BY symbol COLLATE "C"
  FETCH FIRST 4000 ROWS WITH TIES
) AS moved
ORDER BY symbol COLLATE "C", valid_from
