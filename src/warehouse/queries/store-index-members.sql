-- One list of an index, of a day not before those of the lists stored already. The same list again changes nothing.
-- :members  JSON array of every symbol in it
WITH listed AS (
  SELECT DISTINCT symbol FROM jsonb_array_elements_text(:members::jsonb) AS l (symbol)
),
left_since AS (
  UPDATE index_members SET valid_to = :date::date
  WHERE "index" = :index AND valid_to IS NULL AND valid_from < :date::date
    AND symbol NOT IN (SELECT symbol FROM listed)
  RETURNING symbol
),
-- A corrected list of the same day: who came by the first one was never in, who left by it never left.
never_in AS (
  DELETE FROM index_members
  WHERE "index" = :index AND valid_to IS NULL AND valid_from = :date::date
    AND symbol NOT IN (SELECT symbol FROM listed)
  RETURNING symbol
),
never_left AS (
  UPDATE index_members SET valid_to = NULL
  WHERE "index" = :index AND valid_to = :date::date AND symbol IN (SELECT symbol FROM listed)
  RETURNING symbol
),
entered AS (
  INSERT INTO index_members ("index", symbol, valid_from)
  SELECT :index, l.symbol, :date::date FROM listed l
  WHERE NOT EXISTS (
    SELECT 1 FROM index_members m
    WHERE m."index" = :index AND m.symbol = l.symbol AND (m.valid_to IS NULL OR m.valid_to >= :date::date)
  )
  ON CONFLICT DO NOTHING
  RETURNING symbol
)
SELECT (SELECT count(*) FROM entered)::int + (SELECT count(*) FROM never_left)::int AS new,
       (SELECT count(*) FROM left_since)::int + (SELECT count(*) FROM never_in)::int AS gone
