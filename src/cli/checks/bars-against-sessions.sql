-- Rows that only one side has, on the dates that session files cover.
WITH s AS (SELECT symbol, date, open, high, low, close, volume, vwap, transactions FROM sessions),
     b AS (
       SELECT symbol, date, open, high, low, close, volume, vwap, transactions FROM bars
       WHERE date IN (SELECT DISTINCT date FROM sessions) AND source <> 'original'
     )
SELECT (SELECT count(*) FROM (SELECT * FROM s EXCEPT SELECT * FROM b))::INT AS only_in_sessions,
       (SELECT count(*) FROM (SELECT * FROM b EXCEPT SELECT * FROM s))::INT AS only_in_history
