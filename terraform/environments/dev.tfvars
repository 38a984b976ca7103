stage              = "dev"
protect            = false
log_retention_days = 14
log_level          = "DEBUG"
vendors            = ["polygon", "alpaca"]
notify_emails      = [] # ["you@example.com"], or ["nobody"]; make deploy wants one of them
