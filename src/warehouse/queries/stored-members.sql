-- Memberships after (:symbol, :valid_from), :limit a call: a result has at most 1 MiB.
SELECT symbol, valid_from::text AS valid_from, valid_to::text AS valid_to
FROM index_members
WHERE "index" = :index AND (symbol, valid_from) > (:symbol, :valid_from::date)
ORDER BY symbol, valid_from
LIMIT :limit::int
