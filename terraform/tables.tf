locals {
  # Key and indexes as in src/tables/definitions.ts, which creates the same tables on a laptop; a test compares them.
  tables = {
    tickers            = { hash = "symbol", indexes = { by-type = ["type", "status"], by-market = ["market", "status"] } }
    assets             = { hash = "symbol", indexes = { by-status = ["status", "symbol"] } }
    runs               = { hash = "id", indexes = {} }
    ticker-data        = { hash = "ticker", range = "timestamp", indexes = {} }
    portfolio-analyses = { hash = "portfolio", range = "timestamp", indexes = {} }
  }

  # Locks and cursors leave by themselves should no run come back for them.
  tables_with_ttl = ["runs"]

  # Who owns what. Ours, and empty until somebody imports portfolios, unless settings name those of another service, which
  # are only read. Keys as in src/local/portfolio-service.ts.
  own_portfolio_tables = {
    for name, table in {
      user-portfolios     = { hash = "portfolio", indexes = {} }
      portfolio-positions = { hash = "portfolio", range = "symbol", indexes = {} }
    } : name => table if var.portfolios && !contains(keys(var.settings), "USER_PORTFOLIOS_TABLE")
  }
  portfolio_tables = {
    USER_PORTFOLIOS_TABLE     = lookup(var.settings, "USER_PORTFOLIOS_TABLE", "${local.prefix}-user-portfolios")
    PORTFOLIO_POSITIONS_TABLE = lookup(var.settings, "PORTFOLIO_POSITIONS_TABLE", "${local.prefix}-portfolio-positions")
  }

  made_tables = merge(local.tables, local.own_portfolio_tables)

  table_attributes = {
    for name, table in local.made_tables : name => distinct(concat(compact([table.hash, try(table.range, null)]), flatten(values(table.indexes))))
  }
}

resource "aws_dynamodb_table" "table" {
  for_each = local.made_tables

  name                        = "${local.prefix}-${each.key}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = each.value.hash
  range_key                   = try(each.value.range, null)
  deletion_protection_enabled = var.protect

  dynamic "attribute" {
    for_each = local.table_attributes[each.key]

    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value.indexes

    content {
      name            = global_secondary_index.key
      hash_key        = global_secondary_index.value[0]
      range_key       = global_secondary_index.value[1]
      projection_type = "ALL"
    }
  }

  dynamic "ttl" {
    for_each = contains(local.tables_with_ttl, each.key) ? ["ttl"] : []

    content {
      attribute_name = ttl.value
      enabled        = true
    }
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}
