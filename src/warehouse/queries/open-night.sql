-- Maps this execution to its session; earlier executions found dead end as Interrupted.
WITH dead AS (
  UPDATE nights SET status = 'Interrupted', completed_at = :started_at::timestamp,
    reasons = jsonb_build_array('interrupted: the process or execution ended before Close Night')
  WHERE status = 'Running' AND run_id <> :run_id AND started_at < :started_at::timestamp
)
INSERT INTO nights (run_id, session, kind, status, execution_arn, started_at, released_run)
VALUES (:run_id, :session::date, :kind, 'Running', :execution_arn, :started_at::timestamp, :released_run)
ON CONFLICT (run_id) DO NOTHING
