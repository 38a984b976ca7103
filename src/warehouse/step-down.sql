-- The first query of a reader's transaction: after it nothing makes the transaction writable. A superuser reads files and
-- writes them in a read-only transaction, too, so he goes on as a role that reads tables and nothing else (PostgreSQL 14
-- and newer); what row-level security would hide from that role is an error.
SELECT set_config('row_security', 'off', true), set_config('role', rolname, true)
FROM pg_roles
WHERE rolname = 'pg_read_all_data' AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
