-- Whose values a row holds: the FIGI, and symbol_history.valid_from of the row that was open when they were stored. Rows
-- of before are those of the symbol's only company; where there were several nobody knows, and they stay without.
ALTER TABLE symbol_metadata ADD COLUMN IF NOT EXISTS figi TEXT;

ALTER TABLE symbol_metadata ADD COLUMN IF NOT EXISTS valid_from DATE;

ALTER TABLE dcf_valuations ADD COLUMN IF NOT EXISTS figi TEXT;

ALTER TABLE dcf_valuations ADD COLUMN IF NOT EXISTS valid_from DATE;

ALTER TABLE enrichment_attempts ADD COLUMN IF NOT EXISTS valid_from DATE;

UPDATE symbol_metadata m SET figi = h.figi, valid_from = h.valid_from
FROM symbol_history h
WHERE h.dataset = 'tickers' AND h.symbol = m.symbol AND h.valid_to IS NULL AND m.valid_from IS NULL
  AND NOT EXISTS (
    SELECT 1 FROM symbol_history r WHERE r.dataset = 'tickers' AND r.symbol = m.symbol AND r.valid_from < h.valid_from
  );

UPDATE dcf_valuations v SET figi = h.figi, valid_from = h.valid_from
FROM symbol_history h
WHERE h.dataset = 'tickers' AND h.symbol = v.symbol AND h.valid_to IS NULL AND v.valid_from IS NULL
  AND NOT EXISTS (
    SELECT 1 FROM symbol_history r WHERE r.dataset = 'tickers' AND r.symbol = v.symbol AND r.valid_from < h.valid_from
  );

UPDATE enrichment_attempts a SET valid_from = h.valid_from
FROM symbol_history h
WHERE h.dataset = 'tickers' AND h.symbol = a.symbol AND h.valid_to IS NULL AND a.valid_from IS NULL
  AND NOT EXISTS (
    SELECT 1 FROM symbol_history r WHERE r.dataset = 'tickers' AND r.symbol = a.symbol AND r.valid_from < h.valid_from
  )
