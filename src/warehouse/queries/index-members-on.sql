-- Who was in the index on a day. Before the first list nothing is known and there are no rows; today's members are
-- never taken for those of an earlier day.
SELECT symbol FROM index_members
WHERE "index" = :index AND valid_from <= :date::date AND (valid_to IS NULL OR valid_to > :date::date)
ORDER BY symbol
