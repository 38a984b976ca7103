-- A run that the ledger has lost, out of its report.
INSERT INTO nights (run_id, session, kind, status, execution_arn, started_at, completed_at, reasons, summary)
VALUES (:run_id, :session::date, :kind, :status, '', :started_at::timestamp, :completed_at::timestamp, :reasons::jsonb,
        :summary::jsonb)
ON CONFLICT (run_id) DO NOTHING
