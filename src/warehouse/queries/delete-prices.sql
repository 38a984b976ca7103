-- Removes the named rows of one session. :symbols  JSON array
WITH gone AS (
  DELETE FROM stock_prices
  WHERE date = :date::date AND symbol IN (SELECT jsonb_array_elements_text(:symbols::jsonb))
  RETURNING 1
)
SELECT count(*)::int AS deleted FROM gone
