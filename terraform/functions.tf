# Every folder of functions/ is a function here, under the same name. A new one is one line in local.functions:
#   size       of local.function_sizes; `sync` when it is left out
#   writes     folders of the lake it writes and deletes in; all of the lake is readable
#   tables     tables of ours it reads and writes
#   reads      tables of ours it only reads
#   holdings   whether it reads the portfolio tables of another service
#   secrets    vendors whose key it asks for
#   warehouse  whether it sends SQL through the Data API
#   migrates   whether it does so as the owner of the tables, and keeps the user that the others are
#   events     whether it sends Night Completed
#   executions whether it asks if the lake's owner is still running
locals {
  functions = {
    open-night         = { size = "step", writes = ["staging", "reports"], tables = ["runs"], executions = true }
    prepare-warehouse  = { size = "step", warehouse = true, migrates = true }
    sync-tickers       = { writes = local.list_writes, tables = ["tickers", "runs"], secrets = ["polygon"], warehouse = true }
    sync-splits        = { writes = local.list_writes, tables = ["runs"], secrets = ["polygon"], warehouse = true }
    sync-dividends     = { writes = local.list_writes, tables = ["runs"], secrets = ["polygon"], warehouse = true }
    sync-assets        = { writes = local.list_writes, tables = ["assets", "runs"], secrets = ["alpaca"], warehouse = true }
    sync-index-members = { writes = local.list_writes, tables = ["runs"], reads = ["tickers", "assets"], warehouse = true, members_file = true }
    stage-session      = { writes = ["staging", "processing_metadata"], secrets = ["polygon", "flat-files"] }
    check-night        = { writes = ["staging"] }
    publish-session    = { writes = ["staging", "bronze", "quarantine", "processing_metadata"], warehouse = true }
    sync-metadata      = { writes = local.enrich_writes, tables = ["runs"], reads = ["tickers"], secrets = ["polygon", "fmp"], warehouse = true }
    sync-valuations    = { writes = local.enrich_writes, tables = ["runs"], reads = ["tickers"], secrets = ["fmp"], warehouse = true, holdings = true }
    close-night        = { size = "step", writes = ["staging", "reports"], tables = ["runs"], reads = ["tickers"], warehouse = true, events = true }
    render-report      = { size = "step", writes = ["reports"] }
    list-holdings      = { size = "step", reads = ["tickers", "portfolio-analyses", "runs"], holdings = true }
    update-ticker-data = { tables = ["ticker-data"], holdings = true }
    analyze-portfolio  = { size = "step", tables = ["portfolio-analyses", "runs"], reads = ["ticker-data", "tickers"], secrets = ["xai"], holdings = true }
    apply-retention    = { writes = ["bronze", "processing_metadata"], tables = ["runs"], warehouse = true, executions = true }
  }

  list_writes   = ["staging", "reference", "quarantine", "reports", "processing_metadata"]
  enrich_writes = ["staging", "quarantine", "processing_metadata"]

  # No longer than the state machine waits for the step.
  function_sizes = {
    sync = { memory_mb = var.function_memory_mb, timeout_s = var.function_timeout_seconds }
    step = { memory_mb = 512, timeout_s = 300 }
  }

  zips = "${local.root}/dist/zips"

  # What src/config.ts reads, for functions and jobs alike. ARNs are no secrets; who may open one stands in its role.
  environment = merge(
    var.settings,
    local.practice_settings,
    {
      STAGE                = var.stage
      LOG_LEVEL            = var.log_level
      NIGHT_SCHEDULE       = var.schedule_enabled ? var.schedule : "disabled"
      SCHEDULE_TIMEZONE    = var.schedule_timezone
      LAKE_URI             = "s3://${aws_s3_bucket.lake.bucket}"
      DATABASE_CLUSTER_ARN = aws_rds_cluster.warehouse.arn
      DATABASE_SECRET_ARN  = aws_secretsmanager_secret.night_user.arn
      DATABASE_NAME        = aws_rds_cluster.warehouse.database_name
      EVENT_BUS_NAME       = aws_cloudwatch_event_bus.night.name
    },
    { for name, table in aws_dynamodb_table.table : "${upper(replace(name, "-", "_"))}_TABLE" => table.name },
    local.portfolio_tables,
    local.vendor_settings,
  )

  vendor_settings = { for vendor, secret in aws_secretsmanager_secret.vendor : local.vendor_keys[vendor].setting => secret.arn }
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  name               = each.key
  prefix             = local.prefix
  zip                = "${local.zips}/${each.key}.zip"
  code_bucket        = aws_s3_bucket.code.bucket
  memory_mb          = local.function_sizes[try(each.value.size, "sync")].memory_mb
  timeout_s          = local.function_sizes[try(each.value.size, "sync")].timeout_s
  environment        = merge(local.environment, lookup(local.environment_of, each.key, {}))
  policy             = data.aws_iam_policy_document.function[each.key].json
  log_retention_days = var.log_retention_days
  tracing            = var.tracing
}

data "aws_iam_policy_document" "function" {
  for_each = local.functions

  source_policy_documents = [data.aws_iam_policy_document.read_lake.json]

  dynamic "statement" {
    for_each = var.tracing ? ["trace"] : []

    content {
      sid     = "Trace"
      actions = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      # *: these actions know no resource.
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = try([each.value.writes], [])

    content {
      sid     = "WriteLake"
      actions = ["s3:PutObject", "s3:DeleteObject"]
      # *: every key below these folders.
      resources = [for folder in statement.value : "${aws_s3_bucket.lake.arn}/${folder}/*"]
    }
  }

  dynamic "statement" {
    for_each = try([each.value.tables], [])

    content {
      sid = "Tables"
      actions = [
        "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem",
        "dynamodb:Scan", "dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem",
      ]
      resources = [for table in statement.value : aws_dynamodb_table.table[table].arn]
    }
  }

  dynamic "statement" {
    for_each = try([each.value.reads], [])

    content {
      sid       = "ReadTables"
      actions   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan"]
      resources = [for table in statement.value : aws_dynamodb_table.table[table].arn]
    }
  }

  # A list of index members in somebody's own bucket.
  dynamic "statement" {
    for_each = try(each.value.members_file, false) ? local.members_file : []

    content {
      sid       = "ReadIndexMembers"
      actions   = ["s3:GetObject"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = contains(local.practice_callers, each.key) ? module.practice_market : []

    content {
      sid       = "AskPracticeMarket"
      actions   = ["lambda:InvokeFunction"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = try(each.value.holdings, false) ? ["holdings"] : []

    content {
      sid       = "ReadHoldings"
      actions   = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"]
      resources = [for table in values(local.portfolio_tables) : "arn:${local.partition}:dynamodb:${var.region}:${local.account}:table/${table}"]
    }
  }

  dynamic "statement" {
    for_each = try(each.value.warehouse, false) ? ["warehouse"] : []

    content {
      sid       = "Warehouse"
      actions   = ["rds-data:ExecuteStatement"]
      resources = [aws_rds_cluster.warehouse.arn]
    }
  }

  dynamic "statement" {
    for_each = try(each.value.migrates, false) ? ["user"] : []

    content {
      sid       = "KeepUser"
      actions   = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]
      resources = [aws_secretsmanager_secret.night_user.arn]
    }
  }

  dynamic "statement" {
    for_each = length(local.function_secrets[each.key]) > 0 ? [local.function_secrets[each.key]] : []

    content {
      sid       = "Secrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = try(each.value.events, false) ? ["events"] : []

    content {
      sid       = "NightCompleted"
      actions   = ["events:PutEvents"]
      resources = [aws_cloudwatch_event_bus.night.arn]
    }
  }

  dynamic "statement" {
    for_each = try(each.value.executions, false) ? ["executions"] : []

    content {
      sid     = "WhoHoldsTheLock"
      actions = ["states:DescribeExecution"]
      # *: executions have names of their own; only those of our machines.
      resources = ["${local.states_arn}:execution:${local.prefix}-*"]
    }
  }
}

locals {
  members_file = [for path in regexall("^s3://(.+)$", lookup(var.settings, "INDEX_MEMBERS_URI", "")) : "arn:${local.partition}:s3:::${path[0]}"]

  function_secrets = {
    for name, needs in local.functions : name => concat(
      [for vendor in try(needs.secrets, []) : aws_secretsmanager_secret.vendor[vendor].arn if contains(var.vendors, vendor)],
      try(needs.warehouse, false) ? [try(needs.migrates, false) ? local.owner_secret_arn : aws_secretsmanager_secret.night_user.arn] : [],
    )
  }
}
