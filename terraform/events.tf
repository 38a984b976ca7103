# Our own event goes over a bus of the stage's own, so that two stages in one account never start each other's machines.
# What AWS tells of executions and jobs comes on the default bus.

resource "aws_cloudwatch_event_bus" "night" {
  name = local.prefix
}

# What could not be delivered to a target, with an alarm on it: a missed start would be invisible otherwise.
resource "aws_sqs_queue" "undelivered" {
  name                      = "${local.prefix}-undelivered"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

data "aws_iam_policy_document" "undelivered" {
  statement {
    sid       = "Rules"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.undelivered.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      # *: our rules, on our bus and on AWS's; naming them would make every machine wait for this policy.
      values = ["${local.events_arn}:rule/${local.prefix}/*", "${local.events_arn}:rule/${local.prefix}-*"]
    }
  }
}

resource "aws_sqs_queue_policy" "undelivered" {
  queue_url = aws_sqs_queue.undelivered.id
  policy    = data.aws_iam_policy_document.undelivered.json
}

locals {
  # Patterns as in the file that a laptop matches its events with; a rule starts a machine.
  own_rules    = jsondecode(file("${local.root}/state-machines/rules.json"))
  rule_machine = var.portfolios ? { night-completed = "portfolio" } : {}

  # How the jobs are named that machines submit: after their task and session.
  machine_job_names = ["consolidate-2", "resample-2", "vacuum"]

  # How the errors begin with which a machine ends itself.
  own_errors = { for name in keys(local.machine_files) : name => name == "nightly" ? "Night." : "${title(name)}." }

  aws_rules = {
    # The second path on which failure is told: what no Catch sees. Where a machine ends itself, as Night.Failed or
    # Portfolio.Failed, it has told already.
    execution-lost = {
      description = "An execution ended without a word of its own"
      pattern = {
        source      = ["aws.states"]
        detail-type = ["Step Functions Execution Status Change"]
        detail = {
          "$or" = concat(
            [{ stateMachineArn = [for machine in aws_sfn_state_machine.machine : machine.arn], status = ["TIMED_OUT", "ABORTED"] }],
            [for name, machine in aws_sfn_state_machine.machine : { stateMachineArn = [machine.arn], status = ["FAILED"], error = [{ anything-but = { prefix = local.own_errors[name] } }] }],
            [{ stateMachineArn = [for machine in aws_sfn_state_machine.machine : machine.arn], status = ["FAILED"], error = [{ exists = false }] }],
          )
        }
      }
    }
    job-failed = {
      description = "A job ended badly; its execution tells of it, this counts and keeps the reason"
      pattern = {
        source      = ["aws.batch"]
        detail-type = ["Batch Job State Change"]
        detail      = { status = ["FAILED"], jobQueue = [aws_batch_job_queue.jobs.arn] }
      }
    }
    job-by-hand-failed = {
      description = "A job that no machine of ours has submitted ended badly: nothing else tells of it"
      pattern = {
        source      = ["aws.batch"]
        detail-type = ["Batch Job State Change"]
        detail = {
          status   = ["FAILED"]
          jobQueue = [aws_batch_job_queue.jobs.arn]
          jobName  = [{ anything-but = { prefix = local.machine_job_names } }]
        }
      }
    }
    job-stuck = {
      description = "A job at the head of the queue cannot be placed"
      pattern = {
        source      = ["aws.batch"]
        detail-type = ["Batch Job Queue Blocked"]
        detail      = { jobQueue = [aws_batch_job_queue.jobs.arn] }
      }
    }
  }
}

resource "aws_cloudwatch_event_rule" "own" {
  for_each = local.own_rules

  name           = "${local.prefix}-${each.key}"
  event_bus_name = aws_cloudwatch_event_bus.night.name
  event_pattern  = jsonencode(each.value)
}

resource "aws_cloudwatch_event_target" "machine" {
  for_each = local.rule_machine

  rule           = aws_cloudwatch_event_rule.own[each.key].name
  event_bus_name = aws_cloudwatch_event_bus.night.name
  target_id      = each.value
  arn            = aws_sfn_state_machine.machine[each.value].arn
  role_arn       = aws_iam_role.rules.arn
  input_path     = "$.detail"

  retry_policy {
    maximum_retry_attempts       = 3
    maximum_event_age_in_seconds = 3600
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

resource "aws_cloudwatch_event_rule" "aws" {
  for_each = local.aws_rules

  name          = "${local.prefix}-${each.key}"
  description   = each.value.description
  event_pattern = jsonencode(each.value.pattern)
}

resource "aws_cloudwatch_event_target" "notify" {
  rule      = aws_cloudwatch_event_rule.aws["execution-lost"].name
  target_id = "notify"
  arn       = aws_sns_topic.notify.arn
  # By a role: a topic's policy may name EventBridge only without a condition, which would let in every account's rules.
  role_arn = aws_iam_role.rules.arn

  input_transformer {
    input_paths = {
      name   = "$.detail.name"
      status = "$.detail.status"
      error  = "$.detail.error"
      arn    = "$.detail.executionArn"
      time   = "$.time"
      region = "$.region"
    }
    # No text from outside: a quote or a line break in a cause would make this no JSON, and the notice would be lost.
    # The execution's page has the cause.
    input_template = join("\n", [
      "\"Interrupted: execution <name> stopped without reporting a reason (<status>).\"",
      "\"Ended <time>.\"",
      "\"What was published by then stays, and each part of it is whole.\"",
      "\"Error: <error>\"",
      "\"Execution: https://<region>.console.aws.amazon.com/states/home?region=<region>#/v2/executions/details/<arn>\"",
      "\"Repair: npx afterbell night --stage ${var.stage}\"",
      "\"It goes on where the run stopped. What is missing: npx afterbell status --stage ${var.stage}\"",
    ])
  }

  retry_policy {
    maximum_retry_attempts       = 10
    maximum_event_age_in_seconds = 3600
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

# Job events are kept: of a container that never started this is the only trace.
resource "aws_cloudwatch_log_group" "events" {
  name              = "/aws/events/${local.prefix}"
  retention_in_days = var.log_retention_days
}

data "aws_iam_policy_document" "events_log" {
  statement {
    sid     = "KeepEvents"
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    # *: the streams of this one group.
    resources = ["${aws_cloudwatch_log_group.events.arn}:*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]
    }
  }
}

resource "aws_cloudwatch_log_resource_policy" "events" {
  policy_name     = "${local.prefix}-events"
  policy_document = data.aws_iam_policy_document.events_log.json
}

resource "aws_cloudwatch_event_target" "events_log" {
  for_each = toset(["job-failed", "job-stuck"])

  rule      = aws_cloudwatch_event_rule.aws[each.key].name
  target_id = "log"
  arn       = aws_cloudwatch_log_group.events.arn

  retry_policy {
    maximum_retry_attempts       = 3
    maximum_event_age_in_seconds = 3600
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }

  depends_on = [aws_cloudwatch_log_resource_policy.events]
}

resource "aws_iam_role" "rules" {
  name               = "${local.prefix}-rules"
  description        = "Starts machines and notifies for events"
  assume_role_policy = data.aws_iam_policy_document.trust["rules"].json
}

data "aws_iam_policy_document" "rules" {
  dynamic "statement" {
    for_each = length(local.rule_machine) > 0 ? ["machines"] : []

    content {
      sid       = "StartMachines"
      actions   = ["states:StartExecution"]
      resources = [for machine in values(local.rule_machine) : aws_sfn_state_machine.machine[machine].arn]
    }
  }

  statement {
    sid       = "Notify"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.notify.arn]
  }
}

resource "aws_iam_role_policy" "rules" {
  name   = "start"
  role   = aws_iam_role.rules.id
  policy = data.aws_iam_policy_document.rules.json
}
