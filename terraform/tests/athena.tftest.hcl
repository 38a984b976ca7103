mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stage   = "dev"
  protect = false
}

run "the_lake_in_athena" {
  command = plan

  variables {
    settings = { RESAMPLING_INTERVALS = "5, 10" }
  }

  assert {
    condition     = aws_glue_catalog_database.lake.name == "afterbell_dev" && toset(keys(aws_glue_catalog_table.lake)) == toset(["sessions", "histories", "bars_5d", "bars_10d", "tickers_snapshots", "assets_snapshots", "dividends_snapshots", "splits_snapshots"])
    error_message = "a table is missing, or the intervals are not those of the settings"
  }

  assert {
    condition     = alltrue([for table in aws_glue_catalog_table.lake : length(setintersection(table.partition_keys[*].name, table.storage_descriptor[0].columns[*].name)) == 0])
    error_message = "a partition key is a column too, which Athena refuses"
  }

  assert {
    condition     = alltrue([for table in aws_glue_catalog_table.lake : (length(table.partition_keys) == 0) != (lookup(table.parameters, "projection.enabled", "") == "true")])
    error_message = "a table with partitions does not compute them, and nothing registers them"
  }

  assert {
    condition     = alltrue(flatten([for table in aws_glue_catalog_table.lake : [for key in table.partition_keys[*].name : contains(keys(table.parameters), "projection.${key}.type") && strcontains(table.parameters["storage.location.template"], "$${${key}}")]]))
    error_message = "a partition key has no rule, or no place in the template"
  }

  assert {
    condition     = aws_glue_catalog_table.lake["sessions"].parameters["storage.location.template"] == "s3://afterbell-dev-lake-123456789012/bronze/sessions/date=$${session}/"
    error_message = "sessions are looked for in the wrong place"
  }

  assert {
    condition     = aws_athena_workgroup.lake.configuration[0].enforce_workgroup_configuration && aws_athena_workgroup.lake.configuration[0].bytes_scanned_cutoff_per_query == 10737418240 && aws_athena_workgroup.lake.force_destroy
    error_message = "a query may scan without limit, or saved queries keep the stage from being destroyed"
  }

  assert {
    condition     = alltrue([for view in aws_glue_catalog_table.view : can(jsondecode(base64decode(regex("^/\\* Presto View: (.+) \\*/$", view.view_original_text)[0])).originalSql)])
    error_message = "a view is not in Athena's form"
  }

  assert {
    condition     = length(aws_athena_named_query.lake) >= 2 && aws_s3_bucket.results.force_destroy && aws_s3_bucket_lifecycle_configuration.results.rule[0].expiration[0].days == 7 && aws_s3_bucket_public_access_block.results.restrict_public_buckets
    error_message = "there is no saved query, or answers stay for ever"
  }
}
