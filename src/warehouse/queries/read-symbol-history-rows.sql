-- Every row of a dataset in order of symbol and valid_from, about 4,000 a call, packed as read-symbol-history.sql is.
SELECT jsonb_build_array(symbol, figi, share_class_figi, asset_id, valid_from, valid_to, reason, ending)::text AS packed
FROM (
  SELECT *
  FROM symbol_history
  WHERE dataset = :dataset AND symbol COLLATE "C" > :after
  ORDER BY symbol COLLATE "C"
  FETCH FIRST 4000 ROWS WITH TIES
) AS page
ORDER BY symbol COLLATE "C", valid_from
