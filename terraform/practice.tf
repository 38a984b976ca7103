# A practice stage (`make deploy STAGE=try PRACTICE=1`): the vendors are a function of its own, and no key is needed. It has no
# address: the functions that ask vendors invoke it under their own roles, and nobody else can. Why:
# docs/decisions/0012-the-practice-market-of-a-stage-has-no-address.md

locals {
  practice_name = "practice-market"
  practice_url  = "lambda://${local.prefix}-${local.practice_name}"

  # As a laptop sets them for its own practice market.
  practice_settings = var.practice ? {
    POLYGON_BASE_URL         = local.practice_url
    POLYGON_CALLS_PER_MINUTE = "0"
    ALPACA_BASE_URL          = local.practice_url
    FMP_BASE_URL             = local.practice_url
    FMP_CALLS_PER_MINUTE     = "0"
    XAI_API_URL              = "${local.practice_url}/v1"
    # Answers at once. A deferred answer would wait in one sandbox of the function and be fetched from another.
    XAI_API           = "responses"
    XAI_MODEL         = "grok-practice"
    INDEX_MEMBERS_URI = "${local.practice_url}/us/products/239710/ishares-russell-2000-etf/1467271812596.ajax?fileType=csv&fileName=IWM_holdings&dataType=fund"
  } : {}

  # Whoever asks a vendor for something.
  practice_callers = var.practice ? [for name, needs in local.functions : name if length(try(needs.secrets, [])) > 0 || try(needs.members_file, false)] : []
}

module "practice_market" {
  source = "./modules/function"
  count  = var.practice ? 1 : 0

  name        = local.practice_name
  prefix      = local.prefix
  zip         = "${local.zips}/${local.practice_name}.zip"
  code_bucket = aws_s3_bucket.code.bucket
  memory_mb   = 1024
  timeout_s   = 60
  environment = merge(
    { for name, value in var.settings : name => value if name == "SYMBOLS" },
    { STAGE = var.stage, LOG_LEVEL = var.log_level },
  )
  # It makes everything up, and touches nothing.
  policy             = null
  log_retention_days = var.log_retention_days
}
