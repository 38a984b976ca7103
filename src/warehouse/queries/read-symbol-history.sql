-- The newest row of each symbol after :after, 5,000 symbols a call, packed into one text: a result has at most 1 MiB.
SELECT coalesce(jsonb_agg(jsonb_build_array(symbol, figi, share_class_figi, asset_id, valid_from, valid_to, reason, ending)
  ORDER BY symbol COLLATE "C"), '[]')::text AS rows
FROM (
  SELECT DISTINCT ON (symbol COLLATE "C") *
  FROM symbol_history
  WHERE dataset = :dataset AND symbol COLLATE "C" > :after
  ORDER BY symbol COLLATE "C", valid_from DESC
  LIMIT 5000
) AS newest
