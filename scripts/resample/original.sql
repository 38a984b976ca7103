-- The original design's query for one interval: days are numbered and joined back to the bars by time.
WITH bars AS (SELECT symbol, date::TIMESTAMP AS ts, open, high, low, close, volume FROM read_parquet(getvariable('files'))),
days AS (SELECT symbol, date_trunc('day', ts) AS day, min(ts) AS first_ts, max(ts) AS last_ts FROM bars GROUP BY ALL),
numbered AS (SELECT *, row_number() OVER (PARTITION BY symbol ORDER BY day) AS number FROM days),
grouped AS (SELECT symbol, first_ts, last_ts, floor((number - 1) / /*n*/) AS grp FROM numbered)
SELECT b.symbol, g.grp, min(b.ts) AS start, first(b.open ORDER BY b.ts) AS open, max(b.high) AS high, min(b.low) AS low,
  first(b.close ORDER BY b.ts DESC) AS close, sum(b.volume) AS volume
FROM bars b JOIN grouped g ON b.symbol = g.symbol AND b.ts BETWEEN g.first_ts AND g.last_ts
GROUP BY b.symbol, g.grp
ORDER BY start, b.symbol
