mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stage   = "dev"
  protect = false
}

run "every_wrong_value_is_named_at_plan" {
  command = plan

  variables {
    stage                    = "Dev_1"
    region                   = "virginia"
    account_ids              = ["42"]
    tags                     = { stage = "mine" }
    notify_emails            = ["nobody", "you"]
    schedule                 = "cron(0 2 * * ? *)"
    schedule_timezone        = "EST"
    vendors                  = ["bloomberg"]
    settings                 = { POLYGON_CALL_PER_MINUTE = "5" }
    log_level                = "TRACE"
    log_retention_days       = 31
    lake_bucket              = "My.Bucket"
    lake_noncurrent_days     = 0
    function_memory_mb       = 128
    function_timeout_seconds = 901
    job                      = { vcpu = 2, memory_mb = 2048 }
    image_tag                = "a tag"
    network_mode             = "private"
    vpc_cidr                 = "10.0.0.0/8"
    warehouse                = { engine_version = "15.4" }
    monthly_budget_usd       = -1
  }

  expect_failures = [
    var.stage, var.region, var.account_ids, var.tags, var.notify_emails, var.schedule, var.schedule_timezone, var.vendors,
    var.settings, var.log_level, var.log_retention_days, var.lake_bucket, var.lake_noncurrent_days, var.function_memory_mb,
    var.function_timeout_seconds, var.job, var.image_tag, var.network_mode, var.vpc_cidr, var.warehouse,
    var.monthly_budget_usd,
  ]
}

run "a_key_is_no_setting_the_budgets_tag_is_ours_and_a_pair_of_fargate_is_a_pair" {
  command = plan

  variables {
    tags      = { deployment = "afterbell-prod" }
    settings  = { POLYGON_API_KEY = "secret" }
    job       = { vcpu = 16, memory_mb = 33792 }
    schedule  = "cron(0 4 * * * *)"
    warehouse = { auto_pause_seconds = 300 }
  }

  expect_failures = [var.tags, var.settings, var.job, var.schedule, var.warehouse]
}

run "a_budget_needs_a_reader" {
  command = plan

  variables {
    monthly_budget_usd = 25
  }

  expect_failures = [aws_budgets_budget.month]
}

run "a_budget_counts_this_stage_alone" {
  command = plan

  variables {
    monthly_budget_usd = 25
    notify_emails      = ["ops@example.com"]
  }

  assert {
    condition     = [for filter in aws_budgets_budget.month[0].cost_filter : "${filter.name} ${join(",", filter.values)}"] == ["TagKeyValue user:deployment$afterbell-dev"]
    error_message = "the budget counts other things of the account"
  }
}

run "a_job_without_a_repository_is_named_before_anything_is_made" {
  command = plan

  override_data {
    target = data.aws_ecr_repositories.present
    values = { names = ["afterbell-dev-resampler"] }
  }

  expect_failures = [aws_batch_job_definition.job["consolidator"]]
}

run "a_practice_stage_keeps_nothing" {
  command = plan

  variables {
    practice = true
    protect  = true
  }

  expect_failures = [var.practice]
}
