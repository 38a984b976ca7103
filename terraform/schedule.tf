locals {
  # A machine, when it starts, and with what. As text: jsonencode would write < and > as escapes, which Scheduler does not replace.
  schedules = {
    night = { machine = "nightly", expression = var.schedule, input = "{\"scheduledTime\":\"<aws.scheduler.scheduled-time>\"}" }
    # After the night of the month's first Sunday, which has no new session to do.
    maintenance = { machine = "maintenance", expression = "cron(0 12 ? * 1#1 *)", input = "{}" }
  }
}

resource "aws_scheduler_schedule" "start" {
  for_each = local.schedules

  name                         = "${local.prefix}-${each.key}"
  description                  = "Starts the machine ${each.value.machine}"
  schedule_expression          = each.value.expression
  schedule_expression_timezone = var.schedule_timezone
  state                        = var.schedule_enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.machine[each.value.machine].arn
    role_arn = aws_iam_role.schedule.arn
    input    = each.value.input

    # Left out, it would be 185 attempts in a day.
    retry_policy {
      maximum_retry_attempts       = 3
      maximum_event_age_in_seconds = 3600
    }

    dead_letter_config {
      arn = aws_sqs_queue.undelivered.arn
    }
  }

  depends_on = [aws_iam_role_policy.schedule]
}

resource "aws_iam_role" "schedule" {
  name               = "${local.prefix}-schedule"
  description        = "Starts machines by the clock"
  assume_role_policy = data.aws_iam_policy_document.trust["schedule"].json
}

data "aws_iam_policy_document" "schedule" {
  statement {
    sid       = "StartMachines"
    actions   = ["states:StartExecution"]
    resources = [for schedule in values(local.schedules) : aws_sfn_state_machine.machine[schedule.machine].arn]
  }

  statement {
    sid       = "KeepUndelivered"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.undelivered.arn]
  }
}

resource "aws_iam_role_policy" "schedule" {
  name   = "start"
  role   = aws_iam_role.schedule.id
  policy = data.aws_iam_policy_document.schedule.json
}
