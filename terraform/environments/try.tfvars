# A stage to look at, without keys: make deploy STAGE=try PRACTICE=1. `make destroy STAGE=try` leaves nothing of it.
stage = "try"
# make deploy refuses this stage without PRACTICE=1.
practice           = true
protect            = false
log_retention_days = 1
vendors            = ["polygon", "alpaca", "fmp", "xai"]
notify_emails      = ["nobody"]
# Nights are started by hand; true = one every day, which wakes the warehouse each time.
schedule_enabled     = false
lake_noncurrent_days = 1
