-- Symbols that one sync asked for without getting a value, with the reason and what was wrong.
SELECT symbol, reason, answer::text AS answer
FROM enrichment_attempts
WHERE dataset = :dataset AND attempted_at = :at::timestamp AND ending <> 'ok'
