SELECT symbol FROM index_members WHERE "index" = :index AND valid_to IS NULL
