SELECT task_name, status, rows_updated, error_message, started_at::text AS started_at,
       completed_at::text AS completed_at, metadata ->> 'session' AS session
FROM sync_logs
WHERE status IN ('failed', 'partial', 'held') AND completed_at > CURRENT_TIMESTAMP - INTERVAL '7 days'
ORDER BY completed_at DESC, id DESC
LIMIT 50
