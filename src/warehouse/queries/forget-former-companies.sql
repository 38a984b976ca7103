-- What was stored about the company that a symbol belonged to before: its details, its valuation, and how asking for
-- them ended. The enrichments then ask for the symbol as for one they never saw. A repeated call removes nothing.
-- :companies  JSON array of [symbol, session from which another company carries it]
WITH taken AS (
  SELECT c ->> 0 AS symbol, (c ->> 1)::date AS since FROM jsonb_array_elements(:companies::jsonb) AS c
),
details AS (
  DELETE FROM symbol_metadata m USING taken t
  WHERE m.symbol = t.symbol AND (m.valid_from IS NULL OR m.valid_from < t.since)
),
valuations AS (
  DELETE FROM dcf_valuations v USING taken t
  WHERE v.symbol = t.symbol AND (v.valid_from IS NULL OR v.valid_from < t.since)
)
DELETE FROM enrichment_attempts a USING taken t
WHERE a.symbol = t.symbol AND (a.valid_from IS NULL OR a.valid_from < t.since)
