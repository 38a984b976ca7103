-- :runs  JSON array of run ids
SELECT run_id FROM nights WHERE run_id IN (SELECT jsonb_array_elements_text(:runs::jsonb))
