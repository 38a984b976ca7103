-- :symbols  JSON array; their memberships from a day on go.
DELETE FROM index_members
WHERE "index" = :index AND valid_from >= :first::date
  AND symbol IN (SELECT jsonb_array_elements_text(:symbols::jsonb))
