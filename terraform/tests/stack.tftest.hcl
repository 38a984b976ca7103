mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stage   = "dev"
  protect = false
}

run "dev" {
  variables {
    notify_emails = ["you@example.com"]
    settings      = { POLYGON_CALLS_PER_MINUTE = "0", POLYGON_MARKETS = "stocks", POLYGON_TYPES = "CS,ETF", REPORT_SYMBOLS = "AAPL,MSFT" }
    vendors       = ["polygon", "alpaca", "fmp", "xai", "flat-files"]
    log_level     = "DEBUG"
  }

  assert {
    condition     = local.environment["LOG_LEVEL"] == "DEBUG" && alltrue([for job in aws_batch_job_definition.job : { for setting in jsondecode(job.container_properties).environment : setting.name => setting.value }["LOG_LEVEL"] == "DEBUG"])
    error_message = "log_level does not reach functions and jobs"
  }

  # Lines of src/config.ts: setting('NAME', …
  assert {
    condition     = length(setsubtract(keys(local.environment), flatten(regexall("setting\\(\\s*'([A-Z_]+)'", file("${path.module}/../src/config.ts"))))) == 0
    error_message = "no setting of src/config.ts: ${join(", ", setsubtract(keys(local.environment), flatten(regexall("setting\\(\\s*'([A-Z_]+)'", file("${path.module}/../src/config.ts")))))}"
  }

  assert {
    condition     = length(setsubtract(flatten(regexall("setting\\(\\s*'([A-Z_]+(?:_TABLE|_ARN|_BUS_NAME))'", file("${path.module}/../src/config.ts"))), concat(keys(local.environment), keys(local.environment_of.prepare-warehouse)))) == 0
    error_message = "src/config.ts reads ${join(", ", setsubtract(flatten(regexall("setting\\(\\s*'([A-Z_]+(?:_TABLE|_ARN|_BUS_NAME))'", file("${path.module}/../src/config.ts"))), concat(keys(local.environment), keys(local.environment_of.prepare-warehouse))))}, which nobody sets"
  }

  assert {
    condition     = aws_s3_bucket.lake.bucket == "afterbell-dev-lake-123456789012" && output.lake == "s3://afterbell-dev-lake-123456789012"
    error_message = "the lake is not named by stage and account"
  }

  assert {
    condition     = { for name, function in module.function : name => function.name } == { for name in keys(local.functions) : name => "afterbell-dev-${name}" }
    error_message = "a function is not named by stage and folder"
  }

  assert {
    condition     = setunion(keys(module.function), [local.practice_name]) == toset([for door in fileset("${path.module}/../functions", "*/index.ts") : dirname(door)])
    error_message = "functions/ has ${join(", ", [for door in fileset("${path.module}/../functions", "*/index.ts") : dirname(door)])}; local.functions differs"
  }

  assert {
    condition     = toset(keys(aws_batch_job_definition.job)) == toset([for door in fileset("${path.module}/../batch-images", "*/main.ts") : dirname(door)])
    error_message = "local.jobs is not batch-images/"
  }

  assert {
    condition     = toset(keys(aws_sfn_state_machine.machine)) == toset([for file in fileset("${path.module}/../state-machines", "*.asl.json") : trimsuffix(file, ".asl.json")])
    error_message = "a state machine is not deployed"
  }

  assert {
    condition     = alltrue([for machine in aws_sfn_state_machine.machine : length(regexall("\\$\\{", machine.definition)) == 0])
    error_message = "a placeholder is left in a definition"
  }

  assert {
    condition     = alltrue([for name, needs in local.machine_needs : length(setsubtract(needs.placeholders, keys(local.placeholders))) == 0])
    error_message = "a placeholder is not supplied"
  }

  assert {
    condition     = local.environment.POLYGON_CALLS_PER_MINUTE == "0" && local.environment.POLYGON_TYPES == "CS,ETF" && local.environment.REPORT_SYMBOLS == "AAPL,MSFT" && aws_s3_bucket.lake.force_destroy && !aws_rds_cluster.warehouse.deletion_protection && aws_rds_cluster.warehouse.skip_final_snapshot
    error_message = "dev is protected, or its settings are not passed on"
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.table : table.point_in_time_recovery[0].enabled && !table.deletion_protection_enabled]) && aws_dynamodb_table.table["runs"].ttl[0].attribute_name == "ttl"
    error_message = "tables lack PITR or TTL, or dev's cannot be deleted"
  }

  assert {
    condition     = aws_rds_cluster.warehouse.serverlessv2_scaling_configuration[0].min_capacity == 0 && aws_rds_cluster.warehouse.serverlessv2_scaling_configuration[0].seconds_until_auto_pause >= 900 && aws_rds_cluster.warehouse.enable_http_endpoint
    error_message = "the warehouse does not pause, or has no Data API"
  }

  # Literal < and >: escaped they would reach the machine as they are.
  assert {
    condition     = aws_scheduler_schedule.start["night"].target[0].input == "{\"scheduledTime\":\"<aws.scheduler.scheduled-time>\"}" && aws_scheduler_schedule.start["night"].schedule_expression_timezone == "America/New_York"
    error_message = "the night is not started by its scheduled time in New York"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.alarm : length(alarm.alarm_actions) > 0 && alarm.actions_enabled && alarm.alarm_actions == toset([aws_sns_topic.notify.arn])])
    error_message = "an alarm reaches nobody"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.alarm : alarm.period * alarm.evaluation_periods <= (alarm.period < 3600 ? 86400 : 604800)])
    error_message = "CloudWatch looks back a day, or a week with periods of an hour and more"
  }

  assert {
    condition     = alltrue([for target in concat(values(aws_cloudwatch_event_target.machine), values(aws_cloudwatch_event_target.events_log), [aws_cloudwatch_event_target.notify]) : length(target.retry_policy) == 1 && length(target.dead_letter_config) == 1])
    error_message = "a rule's target has no retry policy or no dead-letter queue"
  }

  # EventBridge knows no condition in a topic's policy: what it may publish, it may by its target's role.
  assert {
    condition     = aws_cloudwatch_event_target.notify.role_arn == aws_iam_role.rules.arn && length([for statement in data.aws_iam_policy_document.rules.statement : statement if contains(statement.actions, "sns:Publish") && statement.resources == toset([aws_sns_topic.notify.arn])]) == 1
    error_message = "the rule for lost executions may not publish"
  }

  assert {
    condition     = !anytrue(flatten([for statement in data.aws_iam_policy_document.notify.statement : [for principal in statement.principals : contains(principal.identifiers, "events.amazonaws.com")]]))
    error_message = "the topic's policy names EventBridge, whose condition would keep every notice back"
  }

  # A cause holds quotes and line breaks, which end a template's text early.
  assert {
    condition     = !contains(values(aws_cloudwatch_event_target.notify.input_transformer[0].input_paths), "$.detail.cause")
    error_message = "text from outside goes into the notice"
  }

  assert {
    condition     = alltrue([for schedule in aws_scheduler_schedule.start : schedule.target[0].retry_policy[0].maximum_retry_attempts == 3 && schedule.target[0].dead_letter_config[0].arn == aws_sqs_queue.undelivered.arn])
    error_message = "a schedule has no retry policy or no dead-letter queue"
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.endpoints) == 0 && length(aws_nat_gateway.this) == 0 && length(aws_vpc_endpoint.interface) == 0
    error_message = "the default network has a way in, or a fixed price"
  }

  assert {
    condition     = !aws_rds_cluster_instance.warehouse.publicly_accessible && aws_s3_bucket_public_access_block.lake.restrict_public_buckets && aws_s3_bucket_public_access_block.lake.block_public_policy
    error_message = "data can be reached from outside"
  }

  assert {
    condition     = alltrue([for definition in aws_batch_job_definition.job : can(regex("@sha256:[0-9a-f]{64}$", jsondecode(definition.container_properties).image)) && jsondecode(definition.container_properties).readonlyRootFilesystem && !definition.deregister_on_new_revision])
    error_message = "a job's image is not named by digest, or its root can be written"
  }

  assert {
    condition     = alltrue([for definition in aws_batch_job_definition.job : definition.retry_strategy[0].evaluate_on_exit[length(definition.retry_strategy[0].evaluate_on_exit) - 1].action == "EXIT" && definition.retry_strategy[0].attempts * definition.timeout[0].attempt_duration_seconds < 14400])
    error_message = "a job is tried again for every reason, or longer than its machine waits"
  }

  # Every statement of every role: * stands alone only where an action knows no resource, and never as an action.
  assert {
    condition = alltrue(flatten([
      for document in concat(values(data.aws_iam_policy_document.function), values(data.aws_iam_policy_document.job), values(data.aws_iam_policy_document.machine), [data.aws_iam_policy_document.job_start, data.aws_iam_policy_document.schedule, data.aws_iam_policy_document.read_lake]) : [
        for statement in document.statement : alltrue([for action in statement.actions : !strcontains(action, "*")]) && (!contains(statement.resources, "*") || contains(["WatchJobs", "DeliverLogs", "EcrToken", "Trace"], statement.sid))
      ]
    ]))
    error_message = "a role may do more than it needs"
  }

  assert {
    condition     = alltrue([for name in keys(local.functions) : length([for statement in data.aws_iam_policy_document.function[name].statement : statement if statement.sid == "Secrets"]) == 0 if length(try(local.functions[name].secrets, [])) == 0 && !try(local.functions[name].warehouse, false)])
    error_message = "a function that asks for no key may read one"
  }

  assert {
    condition     = contains(flatten([for statement in data.aws_iam_policy_document.machine["nightly"].statement : statement.actions]), "batch:TerminateJob") && length(local.machine_functions["nightly"]) > 0
    error_message = "the nightly machine's policy was not read from its text"
  }

  assert {
    condition     = aws_cloudwatch_event_target.machine["night-completed"].target_id == "portfolio" && aws_cloudwatch_event_target.machine["night-completed"].input_path == "$.detail"
    error_message = "Night Completed starts nothing"
  }

  assert {
    condition     = contains(local.own_rules["night-completed"].detail.portfolios, true) && length(local.own_rules["night-completed"].detail.portfolios) == 1
    error_message = "the repair of an older session starts a portfolio run nobody asked for"
  }

  assert {
    condition     = length(setsubtract(keys(local.rule_machine), keys(local.own_rules))) == 0 && length(setsubtract(keys(local.own_rules), keys(local.rule_machine))) == 0
    error_message = "state-machines/rules.json and local.rule_machine name different rules"
  }
}

run "prod_keeps_its_data" {
  command = plan

  variables {
    stage            = "prod"
    protect          = true
    network_mode     = "endpoints"
    schedule_enabled = false
    vendors          = ["polygon"]
  }

  assert {
    condition     = !aws_s3_bucket.lake.force_destroy && aws_rds_cluster.warehouse.deletion_protection && !aws_rds_cluster.warehouse.skip_final_snapshot && aws_rds_cluster.warehouse.final_snapshot_identifier == "afterbell-prod-warehouse-last" && alltrue([for table in aws_dynamodb_table.table : table.deletion_protection_enabled]) && alltrue([for repository in aws_ecr_repository.image : !repository.force_delete]) && aws_secretsmanager_secret.vendor["polygon"].recovery_window_in_days == 30
    error_message = "prod could lose data"
  }

  assert {
    condition     = alltrue([for machine in aws_sfn_state_machine.machine : machine.logging_configuration[0].level == "ERROR" && !machine.logging_configuration[0].include_execution_data])
    error_message = "prod's machine logs hold what vendors answered"
  }

  assert {
    condition     = toset(keys(aws_secretsmanager_secret.vendor)) == toset(["polygon"]) && !contains(keys(local.vendor_settings), "ALPACA_SECRET_ARN")
    error_message = "a vendor without a key has a secret"
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) == 3 && length(aws_subnet.private) == 2 && aws_vpc_security_group_ingress_rule.endpoints[0].cidr_ipv4 == null
    error_message = "private jobs cannot reach ECR and logs, or others can reach the endpoints"
  }

  assert {
    condition     = aws_scheduler_schedule.start["night"].state == "DISABLED" && !aws_cloudwatch_metric_alarm.alarm["dead-man"].actions_enabled
    error_message = "without a schedule the dead man would be missed"
  }
}
