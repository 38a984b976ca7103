SELECT symbol, valid_from::text AS valid_from, valid_to::text AS valid_to
FROM index_members
WHERE "index" = :index
