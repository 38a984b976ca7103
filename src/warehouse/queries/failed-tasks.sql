-- last_day: also within the last 24 hours. failed: single symbols that were left as they were, as JSON.
SELECT id, task_name, status, rows_updated, error_message, started_at::text AS started_at,
       completed_at::text AS completed_at, metadata ->> 'session' AS session,
       completed_at > CURRENT_TIMESTAMP - INTERVAL '24 hours' AS last_day,
       metadata ->> 'failed' AS failed
FROM sync_logs
WHERE status IN ('failed', 'partial', 'held', 'interrupted') AND completed_at > CURRENT_TIMESTAMP - INTERVAL '7 days'
ORDER BY sync_logs.completed_at DESC, id DESC
LIMIT 50
