stage                = "prod"
protect              = true
log_retention_days   = 180
lake_noncurrent_days = 90
vendors              = ["polygon", "alpaca"]
notify_emails        = [] # ["you@example.com"], or ["nobody"]; make deploy wants one of them
monthly_budget_usd   = 0  # 25
warehouse            = { backup_days = 14 }
