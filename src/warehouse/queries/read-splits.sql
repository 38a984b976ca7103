-- One page in the order of the key: an answer of the Data API ends at 1 MiB.
SELECT symbol, execution_date::text AS execution_date, split_from::text AS split_from, split_to::text AS split_to
FROM splits
WHERE (symbol, execution_date) > (:symbol::text, :execution_date::date)
ORDER BY symbol, execution_date
LIMIT :limit::int
