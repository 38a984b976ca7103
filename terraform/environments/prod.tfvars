stage                = "prod"
protect              = true
log_retention_days   = 180
lake_noncurrent_days = 90
vendors              = ["polygon", "alpaca"]
notify_emails        = [] # ["you@example.com"]
monthly_budget_usd   = 0  # 25
warehouse            = { backup_days = 14 }
