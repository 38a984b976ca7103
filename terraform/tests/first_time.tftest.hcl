# What a first deployment on a real account meets.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stage   = "dev"
  protect = false
}

run "portfolio_tables_are_ours_by_default" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.table["user-portfolios"].name == "afterbell-dev-user-portfolios" && aws_dynamodb_table.table["portfolio-positions"].range_key == "symbol" && local.environment.PORTFOLIO_POSITIONS_TABLE == "afterbell-dev-portfolio-positions"
    error_message = "the portfolio run reads tables that nobody has made"
  }

  assert {
    condition     = length(aws_cloudwatch_event_target.machine) == 1
    error_message = "Night Completed starts nothing"
  }

  assert {
    condition     = output.off["INDEX_MEMBERS_URI"] != "" && toset(keys(output.off)) == toset(["INDEX_MEMBERS_URI", "flat-files", "fmp", "xai"]) && alltrue([for how in values(output.off) : strcontains(how, "terraform/environments/dev.tfvars")])
    error_message = "what is switched off is not named with how to switch it on"
  }
}

run "another_service_s_tables_are_only_read" {
  command = plan

  variables {
    settings = { USER_PORTFOLIOS_TABLE = "theirs", PORTFOLIO_POSITIONS_TABLE = "theirs-too" }
  }

  assert {
    condition     = !contains(keys(aws_dynamodb_table.table), "user-portfolios") && local.environment.USER_PORTFOLIOS_TABLE == "theirs" && length(aws_cloudwatch_event_target.machine) == 1
    error_message = "tables of our own are made beside another service's"
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.function["list-holdings"].statement : statement.resources if statement.sid == "ReadHoldings"][0] == toset(["arn:aws:dynamodb:us-east-1:123456789012:table/theirs", "arn:aws:dynamodb:us-east-1:123456789012:table/theirs-too"])
    error_message = "the portfolio run may not read what it is to read"
  }
}

run "one_table_of_another_service_is_half_a_service" {
  command = plan

  variables {
    settings = { USER_PORTFOLIOS_TABLE = "theirs" }
  }

  expect_failures = [var.settings]
}

run "without_portfolios_nothing_is_started" {
  command = plan

  variables {
    portfolios = false
  }

  assert {
    condition     = length(aws_cloudwatch_event_target.machine) == 0 && !contains(flatten(data.aws_iam_policy_document.rules.statement[*].actions), "states:StartExecution") && !contains(keys(aws_dynamodb_table.table), "user-portfolios") && contains(keys(output.off), "portfolios")
    error_message = "a portfolio run is started that nobody wants"
  }
}

run "a_minor_upgrade_by_aws_is_not_undone" {
  command = plan

  assert {
    condition     = aws_rds_cluster.warehouse.engine_version == "16" && aws_rds_cluster_instance.warehouse.auto_minor_version_upgrade
    error_message = "a minor version is pinned that AWS upgrades"
  }
}

run "a_version_in_full_stays" {
  command = plan

  variables {
    warehouse = { engine_version = "16.6" }
  }

  assert {
    condition     = aws_rds_cluster.warehouse.engine_version == "16.6" && !aws_rds_cluster_instance.warehouse.auto_minor_version_upgrade
    error_message = "AWS upgrades a version that Terraform then downgrades"
  }
}

run "zones_that_somebody_opted_into_are_left_out" {
  command = plan

  assert {
    condition     = [for filter in data.aws_availability_zones.available.filter : [filter.name, tolist(filter.values)]] == [["opt-in-status", tolist(["opt-in-not-required"])]]
    error_message = "subnets may be put into local zones, where there is neither Fargate nor Aurora"
  }
}

run "keys_are_put_in_from_the_terminal" {
  command = plan

  assert {
    condition     = alltrue([for secret in values(output.secrets) : endswith(secret.command, "--secret-string file:///dev/stdin") && !strcontains(secret.command, "apiKey")]) && output.secrets["polygon"].wants == "{\"apiKey\":\"…\"}"
    error_message = "a key would stand on a command line, and in the shell's history"
  }
}

run "nothing_is_wrong_before_the_first_night" {
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.alarm : alarm.treat_missing_data != "breaching"])
    error_message = "an alarm fires minutes after the deployment, before anything could have happened"
  }

  # INSUFFICIENT_DATA is where a new alarm begins, and what it falls to when nights no longer come.
  assert {
    condition     = toset([for name, alarm in aws_cloudwatch_metric_alarm.alarm : name if alarm.insufficient_data_actions == toset([aws_sns_topic.notify.arn])]) == toset(["dead-man", "freshness"]) && alltrue([for name in ["dead-man", "freshness"] : aws_cloudwatch_metric_alarm.alarm[name].treat_missing_data == "missing"])
    error_message = "nights that no longer come are not noticed"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.alarm["job-by-hand"].dimensions.RuleName == "afterbell-dev-job-by-hand-failed"
    error_message = "a job by hand fails unheard"
  }
}

run "nobody_is_nobody" {
  command = plan

  variables {
    notify_emails = ["nobody"]
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "mail is sent to nobody"
  }
}

run "the_dashboard_opens_on_a_month_of_all_three_machines" {
  assert {
    condition     = jsondecode(aws_cloudwatch_dashboard.nights.dashboard_body).start == "-P1M"
    error_message = "the dashboard opens on three hours"
  }

  assert {
    condition     = length([for widget in jsondecode(aws_cloudwatch_dashboard.nights.dashboard_body).widgets : widget if strcontains(jsonencode(widget), "portfolio ExecutionsFailed") && strcontains(jsonencode(widget), "maintenance ExecutionsFailed")]) == 1
    error_message = "portfolio runs and maintenance are not on the dashboard"
  }

  assert {
    condition     = alltrue([for policy in [aws_s3_bucket_policy.lake, aws_s3_bucket_policy.code, aws_s3_bucket_policy.results] : policy.policy != ""]) && length(data.aws_iam_policy_document.tls_only) == 3
    error_message = "a bucket answers without TLS"
  }

  # Mocked secrets all have one ARN: the owner's is told from the user's by who may keep the user.
  assert {
    condition     = [for name, document in data.aws_iam_policy_document.function : name if length([for statement in document.statement : statement if contains(statement.actions, "secretsmanager:PutSecretValue")]) > 0] == ["prepare-warehouse"] && keys(local.environment_of) == ["prepare-warehouse"] && !contains(keys(local.environment), "DATABASE_USER_SECRET_ARN") && local.environment_of.prepare-warehouse.DATABASE_USER_SECRET_ARN == aws_secretsmanager_secret.night_user.arn && local.environment.DATABASE_SECRET_ARN == aws_secretsmanager_secret.night_user.arn
    error_message = "a function sends SQL as the owner of the tables, or may give itself the owner's rights"
  }

  assert {
    condition     = aws_rds_cluster.warehouse.enabled_cloudwatch_logs_exports == toset(["postgresql"]) && aws_cloudwatch_log_group.warehouse.retention_in_days == 30
    error_message = "the database's log is lost, or kept for ever"
  }

  assert {
    condition     = alltrue([for machine in aws_sfn_state_machine.machine : !machine.tracing_configuration[0].enabled])
    error_message = "traces are billed that nobody asked for"
  }
}

run "traces_are_a_switch" {
  command = plan

  variables {
    tracing = true
  }

  assert {
    condition     = alltrue([for machine in aws_sfn_state_machine.machine : machine.tracing_configuration[0].enabled]) && alltrue([for document in concat(values(data.aws_iam_policy_document.function), values(data.aws_iam_policy_document.machine)) : length([for statement in document.statement : statement if statement.sid == "Trace"]) == 1])
    error_message = "traces are wanted, and not sent"
  }
}
