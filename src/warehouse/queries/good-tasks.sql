-- Per task the newest session it was well for; a list that was fresh enough not to be asked for again counts there, and
-- not as brought up to date.
SELECT task_name, max(metadata ->> 'session') AS session,
       max(completed_at) FILTER (WHERE status <> 'skipped')::text AS completed_at
FROM sync_logs
WHERE status IN ('success', 'partial') OR (status = 'skipped' AND error_message LIKE 'complete since %')
GROUP BY task_name
