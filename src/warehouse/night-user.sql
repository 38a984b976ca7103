-- What the user of the nights may do: read and write rows, never the tables themselves; migrations are the owner's.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

GRANT USAGE ON SCHEMA public TO afterbell_nights;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO afterbell_nights;

GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO afterbell_nights;

REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM afterbell_nights;
