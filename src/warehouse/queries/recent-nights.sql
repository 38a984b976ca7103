SELECT run_id, execution_arn, session::text AS session, kind, status, started_at::text AS started_at,
       completed_at::text AS completed_at, released_run, reasons::text AS reasons, summary::text AS summary
FROM nights
ORDER BY nights.started_at DESC
LIMIT :limit::int
