-- Rows of each enrichment, and how many its runs have ever brought.
SELECT s.task, s.stored::int AS stored,
       (SELECT coalesce(sum(rows_updated), 0) FROM sync_logs WHERE task_name = s.task)::int AS brought
FROM (
  SELECT 'sync-metadata' AS task, count(*) AS stored FROM symbol_metadata
  UNION ALL
  SELECT 'sync-valuations', count(*) FROM dcf_valuations
) AS s
ORDER BY s.task
