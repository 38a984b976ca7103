-- Per task: the session of its first and of its last complete sync.
SELECT DISTINCT task_name,
       first_value(metadata ->> 'session') OVER w AS first_session,
       last_value(metadata ->> 'session') OVER w AS last_session
FROM sync_logs
WHERE status = 'success' AND task_name LIKE 'sync-%'
WINDOW w AS (PARTITION BY task_name ORDER BY completed_at, id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
