-- Every asking of one dataset; at: ms since 1970.
SELECT symbol, ending, (extract(epoch FROM attempted_at) * 1000)::bigint AS at
FROM enrichment_attempts
WHERE dataset = :dataset
