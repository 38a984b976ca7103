-- The newest row of each symbol after :after, 4,000 symbols a call, each packed into one text: a result has at most 1 MiB.
SELECT jsonb_build_array(symbol, figi, share_class_figi, asset_id, valid_from, valid_to, reason, ending)::text AS packed
FROM (
  SELECT DISTINCT ON (symbol COLLATE "C") *
  FROM symbol_history
  WHERE dataset = :dataset AND symbol COLLATE "C" > :after
  ORDER BY symbol COLLATE "C", valid_from DESC
  LIMIT 4000
) AS newest
ORDER BY symbol COLLATE "C"
