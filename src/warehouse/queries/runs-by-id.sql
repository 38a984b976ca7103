-- :runs  JSON array of run ids
SELECT run_id, session::text AS session, kind, status, completed_at::text AS completed_at, reasons::text AS reasons,
       summary::text AS summary
FROM nights
WHERE run_id IN (SELECT jsonb_array_elements_text(:runs::jsonb))
