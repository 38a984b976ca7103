-- Maps this execution to its session; earlier executions found dead end as Interrupted, and so does every task they were
-- to do. When such a task began and ended nobody knows: it ends when it is found.
-- :planned  JSON array of task names
WITH dead AS (
  UPDATE nights SET status = 'Interrupted', completed_at = :started_at::timestamp,
    reasons = jsonb_build_array('interrupted: the process or execution ended before Close Night')
  WHERE status = 'Running' AND run_id <> :run_id AND started_at < :started_at::timestamp
  RETURNING run_id, session, completed_at, reasons ->> 0 AS reason, coalesce(summary -> 'planned', '[]') AS planned
),
interrupted AS (
  INSERT INTO sync_logs (task_name, status, error_message, started_at, completed_at, metadata)
  SELECT p.task, 'interrupted', d.reason, NULL, d.completed_at,
         jsonb_build_object('run_id', d.run_id, 'session', d.session)
  FROM dead d
  CROSS JOIN LATERAL jsonb_array_elements_text(d.planned) AS p (task)
)
INSERT INTO nights (run_id, session, kind, status, execution_arn, started_at, released_run, summary)
VALUES (:run_id, :session::date, :kind, 'Running', :execution_arn, :started_at::timestamp, :released_run,
        jsonb_build_object('planned', :planned::jsonb))
ON CONFLICT (run_id) DO NOTHING
