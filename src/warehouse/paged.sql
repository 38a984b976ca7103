-- One page of {statement}, in the order of {key}, after the rows that {after} leaves out. Every row comes as JSON text in
-- pieces of 15,000 characters, since a row of the Data API holds 64 KB; a page ends after 900,000 bytes of JSON, since an
-- answer holds 1 MiB.
-- :page_piece  pieces of the first row that were read before
WITH chosen AS (
  SELECT row_number() OVER (ORDER BY {key}) AS place, row_to_json(q)::text AS whole
  FROM (
{statement}
  ) AS q
  WHERE {after}
  ORDER BY place
  LIMIT 5000
),
weighed AS (
  SELECT *, sum(octet_length(whole)) OVER (ORDER BY place) - octet_length(whole) AS before
  FROM chosen
),
pieces AS (
  SELECT place, number, number * 15000 >= length(whole) AS last,
         substr(whole, (number - 1) * 15000 + 1, 15000) AS piece
  FROM weighed
  CROSS JOIN LATERAL generate_series(1, (length(whole) + 14999) / 15000) AS number
  -- Rows that cannot fit are not cut up first.
  WHERE before < 900000 AND (place > 1 OR number > :page_piece::int)
),
measured AS (
  -- As the answer has it: quotes escaped once more, and 100 bytes of JSON around each piece.
  SELECT *, sum(octet_length(to_json(piece)::text) + 100) OVER (ORDER BY place, number) AS bytes
  FROM pieces
)
SELECT piece, last,
       (SELECT max(bytes) > 900000 FROM measured) OR (SELECT max(before) >= 900000 OR count(*) = 5000 FROM weighed) AS more
FROM measured
WHERE bytes <= 900000
ORDER BY place, number
