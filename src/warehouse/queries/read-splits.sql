SELECT symbol, execution_date::text AS execution_date, split_from::text AS split_from, split_to::text AS split_to,
       adjustment_type, historical_adjustment_factor::text AS historical_adjustment_factor
FROM splits
