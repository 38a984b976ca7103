-- Every row of a dataset.
SELECT symbol, figi, share_class_figi, asset_id, valid_from::text AS valid_from, valid_to::text AS valid_to, reason, ending
FROM symbol_history
WHERE dataset = :dataset
