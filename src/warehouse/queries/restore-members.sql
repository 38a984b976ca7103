-- :rows  JSON array of [symbol, valid_from, valid_to]
INSERT INTO index_members ("index", symbol, valid_from, valid_to)
SELECT :index, r ->> 0, (r ->> 1)::date, (r ->> 2)::date
FROM jsonb_array_elements(:rows::jsonb) AS r
ON CONFLICT ("index", symbol, valid_from) DO UPDATE SET valid_to = excluded.valid_to
