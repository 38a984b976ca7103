-- Runs by id or by session, the newest first; with neither, the nights and releases of any session.
SELECT run_id, session::text AS session, kind, status, started_at::text AS started_at,
       completed_at::text AS completed_at, reasons::text AS reasons, summary::text AS summary
FROM nights
WHERE (:run_id::text IS NULL OR run_id = :run_id)
  AND (:session::text IS NULL OR session = :session::date)
  AND (:run_id::text IS NOT NULL OR kind IN ('night', 'release'))
ORDER BY nights.started_at DESC
LIMIT 50
