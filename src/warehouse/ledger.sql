-- name: close-night
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

-- name: every-run
SELECT run_id, session::text AS session, kind, status, started_at::text AS started_at,
       completed_at::text AS completed_at, reasons::text AS reasons
FROM nights

-- name: failed-tasks
-- last_day: also within the last 24 hours. failed: single symbols that were left as they were, reasons:
-- {session, text} in order, both as JSON.
SELECT id, task_name, status, rows_updated, error_message, started_at::text AS started_at,
       completed_at::text AS completed_at, metadata ->> 'session' AS session,
       completed_at > CURRENT_TIMESTAMP - INTERVAL '24 hours' AS last_day,
       metadata ->> 'failed' AS failed, metadata ->> 'reasons' AS reasons
FROM sync_logs
WHERE status IN ('failed', 'partial', 'held', 'interrupted') AND completed_at > CURRENT_TIMESTAMP - INTERVAL '7 days'
ORDER BY sync_logs.completed_at DESC, id DESC
LIMIT 50

-- name: good-tasks
-- Per task the newest session it was well for; a list that was fresh enough not to be asked for again counts there, and
-- not as brought up to date. Rows of earlier versions say it in their text only.
SELECT task_name, max(metadata ->> 'session') AS session,
       max(completed_at) FILTER (WHERE status <> 'skipped')::text AS completed_at
FROM sync_logs
WHERE status IN ('success', 'partial')
  OR (status = 'skipped' AND coalesce((metadata ->> 'fresh')::boolean, error_message LIKE 'complete since %'))
GROUP BY task_name

-- name: latest-tasks
SELECT DISTINCT ON (task_name) task_name, status, rows_updated, error_message,
       completed_at::text AS completed_at, duration_seconds
FROM sync_logs
ORDER BY task_name, sync_logs.completed_at DESC, id DESC

-- name: nights-to-report
-- Runs by id or by session, the newest first; with neither, the nights and releases of any session.
SELECT run_id, session::text AS session, kind, status, started_at::text AS started_at,
       completed_at::text AS completed_at, reasons::text AS reasons, summary::text AS summary
FROM nights
WHERE (:run_id::text IS NULL OR run_id = :run_id)
  AND (:session::text IS NULL OR session = :session::date)
  AND (:run_id::text IS NOT NULL OR kind IN ('night', 'release'))
ORDER BY nights.started_at DESC
LIMIT 50

-- name: open-night
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

-- name: interrupt-night
-- A run that ended without a verdict: its row, made where it had not come to have one, and a row for every task it was
-- to do. One that has a verdict stays as it is.
WITH entered AS (
  INSERT INTO nights (run_id, session, kind, status, execution_arn, started_at, completed_at, reasons, summary)
  VALUES (:run_id, :session::date, :kind, 'Interrupted', :execution_arn, :started_at::timestamp,
          :completed_at::timestamp, jsonb_build_array(:reason::text), '{}')
  ON CONFLICT (run_id) DO UPDATE SET status = 'Interrupted', completed_at = excluded.completed_at,
    reasons = excluded.reasons
    WHERE nights.status = 'Running'
  RETURNING run_id, session, completed_at, coalesce(summary -> 'planned', '[]') AS planned
)
INSERT INTO sync_logs (task_name, status, error_message, started_at, completed_at, metadata)
SELECT p.task, 'interrupted', :reason::text, NULL, e.completed_at,
       jsonb_build_object('run_id', e.run_id, 'session', e.session)
FROM entered e
CROSS JOIN LATERAL jsonb_array_elements_text(e.planned) AS p (task)

-- name: known-run
SELECT status FROM nights WHERE run_id = :run_id

-- name: recent-nights
SELECT run_id, execution_arn, session::text AS session, kind, status, started_at::text AS started_at,
       completed_at::text AS completed_at, released_run, reasons::text AS reasons, summary::text AS summary
FROM nights
ORDER BY nights.started_at DESC
LIMIT :limit::int

-- name: recent-sessions
SELECT DISTINCT metadata ->> 'session' AS session
FROM sync_logs
WHERE completed_at > CURRENT_TIMESTAMP - INTERVAL '7 days' AND metadata ->> 'session' IS NOT NULL
ORDER BY session

-- name: recent-tasks
SELECT id, task_name, status, rows_updated, error_message, completed_at::text AS completed_at, duration_seconds,
       metadata ->> 'session' AS session
FROM sync_logs
WHERE :task::text IS NULL OR task_name = :task
ORDER BY sync_logs.completed_at DESC, id DESC
LIMIT 10

-- name: restore-night
-- A run that the ledger has lost, out of its report.
INSERT INTO nights (run_id, session, kind, status, execution_arn, started_at, completed_at, reasons, summary)
VALUES (:run_id, :session::date, :kind, :status, '', :started_at::timestamp, :completed_at::timestamp, :reasons::jsonb,
        :summary::jsonb)
ON CONFLICT (run_id) DO NOTHING

-- name: runs-by-id
-- :runs  JSON array of run ids
SELECT run_id, session::text AS session, kind, status, completed_at::text AS completed_at, reasons::text AS reasons,
       summary::text AS summary
FROM nights
WHERE run_id IN (SELECT jsonb_array_elements_text(:runs::jsonb))

-- name: known-runs
-- :runs  JSON array of run ids
SELECT run_id FROM nights WHERE run_id IN (SELECT jsonb_array_elements_text(:runs::jsonb))
