-- One interval's bars recounted against the history they were made of.
SELECT (SELECT count(*) FROM (SELECT symbol, date FROM silver GROUP BY ALL HAVING count(*) > 1))::INT AS doubled,
       (SELECT count(*) FROM silver)::BIGINT::VARCHAR AS windows,
       (SELECT coalesce(sum(bars), 0) FROM silver)::BIGINT::VARCHAR AS bars_in_windows,
       (SELECT count(*) FROM bars)::BIGINT::VARCHAR AS bars_in_history,
       (SELECT count(*) FROM silver WHERE NOT (low <= least(open, close) AND high >= greatest(open, close) AND bars > 0))::INT AS broken,
       (SELECT count(*) FROM silver WHERE complete AND window_end > (SELECT max(date) FROM bars))::INT AS too_complete
FROM (SELECT 1) AS one
