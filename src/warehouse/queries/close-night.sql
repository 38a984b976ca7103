-- The ledger of one run: its night and one sync_logs row a task. A repeated call changes nothing.
-- :tasks  JSON array of {task, status, rows, error, started_at, completed_at, seconds, metadata}
WITH closed AS (
  UPDATE nights SET status = :status, completed_at = :completed_at::timestamp, reasons = :reasons::jsonb,
    summary = :summary::jsonb
  WHERE run_id = :run_id
  RETURNING run_id
),
released AS (
  UPDATE nights SET summary = summary || jsonb_build_object('released_by', :run_id::text)
  WHERE run_id = :released_run
)
INSERT INTO sync_logs (task_name, status, rows_updated, error_message, started_at, completed_at, duration_seconds, metadata)
SELECT t.task, t.status, t.rows, t.error, t.started_at, t.completed_at, t.seconds, t.metadata
FROM ROWS FROM (jsonb_to_recordset(:tasks::jsonb)
  AS (task text, status text, rows int, error text, started_at timestamp, completed_at timestamp, seconds float8, metadata jsonb))
  WITH ORDINALITY AS t (task, status, rows, error, started_at, completed_at, seconds, metadata, place)
WHERE NOT EXISTS (
  SELECT 1 FROM sync_logs s WHERE s.task_name = t.task AND s.metadata ->> 'run_id' = :run_id
)
ORDER BY t.place
