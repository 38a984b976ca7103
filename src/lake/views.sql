-- Memberships out of the dated lists: a symbol is a member from the first list that names it to the day of the first
-- list that does not; valid_to is null while the newest list has it. Of the days before the first list nothing is
-- known: `valid_from <= D AND (valid_to IS NULL OR valid_to > D)` gives no rows for them.
CREATE VIEW index_members AS
WITH days AS (
  SELECT "index", date,
         row_number() OVER (PARTITION BY "index" ORDER BY date) AS day,
         lead(date) OVER (PARTITION BY "index" ORDER BY date) AS next_date
  FROM (SELECT DISTINCT "index", date FROM index_lists)
),
seen AS (
  SELECT "index", symbol, date, next_date,
         day - row_number() OVER (PARTITION BY "index", symbol ORDER BY date) AS stay
  FROM index_lists JOIN days USING ("index", date)
)
SELECT "index", symbol, min(date) AS valid_from,
       CASE WHEN count(*) = count(next_date) THEN max(next_date) END AS valid_to
FROM seen
GROUP BY "index", symbol, stay
ORDER BY "index", symbol, valid_from
