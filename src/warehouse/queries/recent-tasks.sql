SELECT id, task_name, status, rows_updated, error_message, completed_at::text AS completed_at, duration_seconds,
       metadata ->> 'session' AS session
FROM sync_logs
WHERE :task::text IS NULL OR task_name = :task
ORDER BY sync_logs.completed_at DESC, id DESC
LIMIT 10
