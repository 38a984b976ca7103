-- The history as it was before a day.
WITH gone AS (
  DELETE FROM symbol_history WHERE dataset = :dataset AND valid_from >= :first::date
)
UPDATE symbol_history SET valid_to = NULL, ending = NULL
WHERE dataset = :dataset AND valid_from < :first::date AND valid_to >= :first::date
