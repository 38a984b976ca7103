SELECT symbol FROM stock_prices WHERE date = :date::date
