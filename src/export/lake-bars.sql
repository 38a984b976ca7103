-- What an export for backtesters asks of a lake. `asked_bars` are the bars of the symbols and days that are exported.

-- name: summaries
-- A symbol's bars in a few figures. The checksum is that of a set: no two rows of it are alike.
SELECT symbol, count(*)::INTEGER AS rows, min(date) - DATE '1970-01-01' AS first, max(date) - DATE '1970-01-01' AS last,
       bit_xor(hash(date, open, high, low, close, volume, vwap))::VARCHAR AS checksum,
       count(*) FILTER (date <= DATE '{up_to}')::INTEGER AS rows_before,
       bit_xor(hash(date, open, high, low, close, volume, vwap)) FILTER (date <= DATE '{up_to}')::VARCHAR AS checksum_before
FROM asked_bars
GROUP BY symbol
ORDER BY symbol

-- name: facts
-- Everything else that is known of a symbol: when another company took it over, what changed its share basis or was paid
-- (docs/data-dictionary.md, Views of `afterbell query`), and since when nobody has carried it.
SELECT symbol, 'takeover' AS kind, company_from::VARCHAR AS day, NULL::VARCHAR AS company_from, NULL::DOUBLE AS shares_from,
       NULL::DOUBLE AS shares_to, NULL::DOUBLE AS cash, NULL::DOUBLE AS dividend_factor
FROM (SELECT DISTINCT symbol, company_from FROM symbol_history)
QUALIFY company_from > min(company_from) OVER (PARTITION BY symbol)
UNION ALL
SELECT symbol, 'end', max(valid_to)::VARCHAR, NULL, NULL, NULL, NULL, NULL
FROM symbol_history
GROUP BY symbol
HAVING count(*) = count(valid_to)
UNION ALL
SELECT symbol, 'action', day::VARCHAR, company_from::VARCHAR, shares_from, shares_to, coalesce(cash, 0), dividend_factor
FROM corporate_actions
ORDER BY symbol, kind, day

-- name: bars
-- `sid` is the symbol's place in the batch.
SELECT b.sid, (a.date - DATE '1970-01-01')::INTEGER AS day, a.open, a.high, a.low, a.close, a.volume,
       coalesce(a.vwap, 'NaN'::DOUBLE) AS vwap
FROM asked_bars a
JOIN (SELECT unnest(getvariable('batch')) AS symbol, unnest(range(len(getvariable('batch'))))::INTEGER AS sid) b
  ON b.symbol = a.symbol
WHERE {later}
ORDER BY b.sid, a.date
