# The lake as SQL tables in Athena. Nothing here costs while it is idle: no crawler runs, partitions are computed from the
# rules below (partition projection) instead of being registered, and a query may scan 10 GiB at most.
#
# A partition key is never a column of the files: Athena refuses a name that is both. `date` and `symbol` are columns, so the
# folders `date=…` and `symbol=…` are named `session` and `folder` here.
#
# index_members is not among the lists: a text file lies beside its snapshots, and Athena reads every file of a folder.

locals {
  # Columns in the order of the files, as src/lake and src/datasets write them; a test compares them with a real lake.
  bar_columns = [
    ["symbol", "string"], ["date", "date"],
    ["open", "double"], ["high", "double"], ["low", "double"], ["close", "double"], ["volume", "double"],
    ["vwap", "double"], ["transactions", "bigint"], ["source", "string"], ["ingested_at", "timestamp"],
  ]
  window_columns = [
    ["symbol", "string"], ["date", "date"], ["window_end", "date"],
    ["open", "double"], ["high", "double"], ["low", "double"], ["close", "double"], ["volume", "double"],
    ["bars", "int"], ["complete", "boolean"],
  ]
  list_columns = {
    tickers = [
      ["symbol", "string"], ["name", "string"], ["market", "string"], ["locale", "string"], ["primary_exchange", "string"],
      ["type", "string"], ["active", "boolean"], ["currency_name", "string"], ["currency_symbol", "string"],
      ["base_currency_name", "string"], ["base_currency_symbol", "string"], ["cik", "string"], ["composite_figi", "string"],
      ["share_class_figi", "string"], ["delisted_utc", "string"], ["last_updated_utc", "string"],
    ]
    assets = [
      ["symbol", "string"], ["id", "string"], ["name", "string"], ["asset_class", "string"], ["exchange", "string"],
      ["status", "string"], ["tradable", "boolean"], ["cusip", "string"], ["marginable", "boolean"],
      ["maintenance_margin_requirement", "double"], ["margin_requirement_long", "double"], ["margin_requirement_short", "double"],
      ["shortable", "boolean"], ["easy_to_borrow", "boolean"], ["borrow_status", "string"], ["fractionable", "boolean"],
      ["attributes", "string"], ["min_order_size", "double"], ["min_trade_increment", "double"], ["price_increment", "double"],
    ]
    dividends = [
      ["symbol", "string"], ["ex_date", "date"], ["cash_amount", "double"], ["currency", "string"], ["distribution_type", "string"],
      ["record_date", "date"], ["pay_date", "date"], ["declaration_date", "date"], ["frequency", "int"],
      ["historical_adjustment_factor", "double"],
    ]
    splits = [
      ["symbol", "string"], ["execution_date", "date"], ["split_from", "double"], ["split_to", "double"],
      ["adjustment_type", "string"], ["historical_adjustment_factor", "double"],
    ]
  }

  # No vendor of ours has older sessions, and no session has a date after today.
  athena_first_year = "2003"
  athena_year       = { type = "string", projection = { type = "date", format = "yyyy", range = "${local.athena_first_year},NOW", interval = "1", "interval.unit" = "YEARS" } }
  athena_month      = { type = "int", projection = { type = "integer", range = "1,12", digits = "2" } }
  athena_session    = { type = "string", projection = { type = "date", format = "yyyy-MM-dd", range = "${local.athena_first_year}-01-01,NOW", interval = "1", "interval.unit" = "DAYS" } }
  athena_folder     = { type = "string", projection = { type = "injected" } }

  athena_intervals = split(",", replace(lookup(var.settings, "RESAMPLING_INTERVALS", "3,5,8,13,21,34"), " ", ""))

  #   folder     where all of its files lie in the lake
  #   template   the folder of one partition; absent for tables without partitions
  athena_tables = merge(
    {
      sessions = {
        about    = "Daily bars as traded, by session; name the sessions: WHERE session BETWEEN '2026-11-02' AND '2026-11-20'"
        columns  = local.bar_columns, folder = "bronze/sessions/",
        template = "bronze/sessions/date=$${session}/", keys = { session = local.athena_session }
      }
      histories = {
        about    = "Daily bars as traded, by symbol; needs WHERE folder = 'AAPL'. The view bars is the same without files of the original layout"
        columns  = local.bar_columns, folder = "bronze/raw_ohlcv/",
        template = "bronze/raw_ohlcv/symbol=$${folder}/", keys = { folder = local.athena_folder }
      }
    },
    { for interval in local.athena_intervals : "bars_${interval}d" => {
      about    = "Bars of ${interval} sessions, adjusted for splits; year and month are those of a window's first session"
      columns  = local.window_columns, folder = "silver/silver_${interval}d/",
      template = "silver/silver_${interval}d/year=$${year}/month=$${month}/", keys = { year = local.athena_year, month = local.athena_month }
    } },
    { for list, columns in local.list_columns : "${list}_snapshots" => {
      about   = "Every list of ${list} ever fetched, one file a date: regexp_extract(\"$path\", 'date=([0-9-]+)', 1). The view ${list} is the newest one"
      columns = columns, folder = "reference/${list}/",
      # One folder holds all of them, so there is nothing to divide by.
      template = null, keys = {}
    } },
  )

  athena_views = merge(
    {
      bars = {
        columns = concat(local.bar_columns, [["folder", "string"]])
        sql     = "SELECT ${join(", ", local.bar_columns[*][0])}, folder FROM histories WHERE \"$path\" LIKE '%/data.parquet'"
      }
    },
    { for list, columns in local.list_columns : list => {
      columns = columns
      sql     = "SELECT ${join(", ", columns[*][0])} FROM ${list}_snapshots WHERE \"$path\" = (SELECT max(\"$path\") FROM ${list}_snapshots)"
    } },
  )

  athena_queries = {
    one-symbol  = { about = "The newest bars of one symbol", sql = "SELECT date, open, high, low, close, volume FROM bars WHERE folder = 'AAPL' ORDER BY date DESC LIMIT 20" }
    most-traded = { about = "What was traded most in one session", sql = "SELECT symbol, close, volume, round(close * volume) AS usd FROM sessions WHERE session = '2026-11-20' ORDER BY usd DESC LIMIT 20" }
    movers      = { about = "Complete weeks that moved most", sql = "SELECT symbol, date, window_end, round(100 * (close / open - 1), 1) AS percent FROM bars_5d WHERE year = '2026' AND month = 11 AND complete ORDER BY abs(close / open - 1) DESC LIMIT 20" }
  }

  # What a view calls a type that a table calls otherwise.
  athena_view_types = { string = "varchar", int = "integer" }
}

resource "aws_glue_catalog_database" "lake" {
  name        = replace(local.prefix, "-", "_")
  description = "The lake of stage ${var.stage}"
}

resource "aws_glue_catalog_table" "lake" {
  for_each = local.athena_tables

  database_name = aws_glue_catalog_database.lake.name
  name          = each.key
  description   = each.value.about
  table_type    = "EXTERNAL_TABLE"

  parameters = merge(
    { EXTERNAL = "TRUE", classification = "parquet" },
    each.value.template == null ? {} : {
      "projection.enabled"        = "true"
      "storage.location.template" = "s3://${aws_s3_bucket.lake.bucket}/${each.value.template}"
    },
    merge([for key, rule in each.value.keys : { for name, value in rule.projection : "projection.${key}.${name}" => value }]...),
  )

  dynamic "partition_keys" {
    for_each = each.value.keys

    content {
      name = partition_keys.key
      type = partition_keys.value.type
    }
  }

  storage_descriptor {
    location      = "s3://${aws_s3_bucket.lake.bucket}/${each.value.folder}"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name = columns.value[0]
        type = columns.value[1]
      }
    }
  }
}

resource "aws_glue_catalog_table" "view" {
  for_each = local.athena_views

  database_name = aws_glue_catalog_database.lake.name
  name          = each.key
  table_type    = "VIRTUAL_VIEW"
  parameters    = { presto_view = "true", comment = "Presto View" }
  # The form in which Athena itself stores what CREATE VIEW says.
  view_original_text = "/* Presto View: ${base64encode(jsonencode({
    originalSql = each.value.sql
    catalog     = "awsdatacatalog"
    schema      = aws_glue_catalog_database.lake.name
    columns     = [for column in each.value.columns : { name = column[0], type = lookup(local.athena_view_types, column[1], column[1]) }]
  }))} */"
  view_expanded_text = "/* Presto View */"

  storage_descriptor {
    # A view has none, but Athena wants one to be named.
    ser_de_info {
      name                  = "-"
      serialization_library = "-"
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name = columns.value[0]
        type = columns.value[1]
      }
    }
  }

  depends_on = [aws_glue_catalog_table.lake]
}

resource "aws_athena_workgroup" "lake" {
  name          = local.prefix
  description   = "Queries of the lake of stage ${var.stage}"
  force_destroy = true

  configuration {
    # What a client asks for instead does not count.
    enforce_workgroup_configuration = true
    # 10 GiB are several times the whole lake, and five cents.
    bytes_scanned_cutoff_per_query     = 10 * 1024 * 1024 * 1024
    publish_cloudwatch_metrics_enabled = false

    result_configuration {
      output_location       = "s3://${aws_s3_bucket.results.bucket}/"
      expected_bucket_owner = local.account

      encryption_configuration {
        encryption_option = "SSE_S3"
      }
    }
  }
}

resource "aws_athena_named_query" "lake" {
  for_each = local.athena_queries

  name        = each.key
  description = each.value.about
  workgroup   = aws_athena_workgroup.lake.id
  database    = aws_glue_catalog_database.lake.name
  query       = each.value.sql
}

# Answers of queries, which anybody can ask again.
resource "aws_s3_bucket" "results" {
  bucket        = "${local.prefix}-results-${local.account}"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "results" {
  bucket                  = aws_s3_bucket.results.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "results" {
  bucket = aws_s3_bucket.results.id
  policy = data.aws_iam_policy_document.tls_only["results"].json

  depends_on = [aws_s3_bucket_public_access_block.results]
}

resource "aws_s3_bucket_lifecycle_configuration" "results" {
  bucket = aws_s3_bucket.results.id

  rule {
    id     = "a-week"
    status = "Enabled"
    filter {
      prefix = ""
    }

    expiration {
      days = 7
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}
