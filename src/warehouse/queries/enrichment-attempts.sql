-- Every asking of one dataset as one JSON text of [symbol, ending, ms since 1970]: a row each would be more than the
-- Data API answers with at once.
SELECT coalesce(json_agg(json_build_array(symbol, ending, (extract(epoch FROM attempted_at) * 1000)::bigint)), '[]')::text
  AS attempts
FROM enrichment_attempts
WHERE dataset = :dataset
