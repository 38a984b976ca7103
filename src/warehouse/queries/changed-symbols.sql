-- What began or ended on one date, but for the first list of all.
SELECT symbol, figi, share_class_figi, asset_id, valid_from::text AS valid_from, valid_to::text AS valid_to, reason, ending
FROM symbol_history
WHERE dataset = :dataset AND (valid_to = :date::date OR (valid_from = :date::date AND reason <> 'first seen'))
