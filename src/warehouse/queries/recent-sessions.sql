SELECT DISTINCT metadata ->> 'session' AS session
FROM sync_logs
WHERE completed_at > CURRENT_TIMESTAMP - INTERVAL '7 days' AND metadata ->> 'session' IS NOT NULL
ORDER BY session
