SELECT DISTINCT ON (task_name) task_name, status, rows_updated, error_message,
       completed_at::text AS completed_at, duration_seconds
FROM sync_logs
ORDER BY task_name, sync_logs.completed_at DESC, id DESC
