-- 'backfill' where valid_from is known from a list of the past that `afterbell history` fetched; NULL: from a night's own.
ALTER TABLE symbol_history ADD COLUMN IF NOT EXISTS source TEXT;

ALTER TABLE index_members ADD COLUMN IF NOT EXISTS source TEXT;
