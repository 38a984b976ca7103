# Shells without a value: a key put here by Terraform would lie in its state. `terraform output secrets` says how to fill them.

locals {
  vendor_keys = {
    polygon    = { setting = "POLYGON_SECRET_ARN", value = { apiKey = "…" }, skipped = "no prices, tickers, splits, dividends or company details" }
    alpaca     = { setting = "ALPACA_SECRET_ARN", value = { keyId = "…", secretKey = "…" }, skipped = "no list of tradable assets" }
    fmp        = { setting = "FMP_SECRET_ARN", value = { apiKey = "…" }, skipped = "no valuations, and company details of Polygon only" }
    xai        = { setting = "XAI_SECRET_ARN", value = { apiKey = "…" }, skipped = "ticker data of portfolios, but no analyses" }
    flat-files = { setting = "FLAT_FILES_SECRET_ARN", value = { keyId = "…", secret = "…" }, skipped = "no backfill from flat files" }
  }
}

resource "aws_secretsmanager_secret" "vendor" {
  for_each = var.vendors

  name        = "${local.prefix}/${each.key}"
  description = "Key of ${each.key}, as ${jsonencode(local.vendor_keys[each.key].value)}"
  # A name stays taken while its secret waits for deletion, and dev is deployed again the same day.
  recovery_window_in_days = var.protect ? 30 : 0
}
