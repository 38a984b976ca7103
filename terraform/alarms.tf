# What neither a machine nor a rule can tell, because nothing happened at all. Failed and held nights are not repeated here.
# `watches`: an alarm for what has to happen again and again, once in so many periods of so many seconds. It has no data before
# the first night, and no data later means trouble: it notifies when it falls from OK to INSUFFICIENT_DATA, which a new alarm,
# being there already, cannot do.

locals {
  alarms = {
    dead-man = {
      description = "No night has been started for 26 hours. Look at the schedule ${local.prefix}-night, then: npx afterbell night --stage ${var.stage}"
      namespace   = "AWS/States"
      metric      = "ExecutionsStarted"
      dimensions  = { StateMachineArn = aws_sfn_state_machine.machine["nightly"].arn }
      watches     = { period = 3600, periods = 26 }
    }
    freshness = {
      description = "No session has been published for 5 days, more than any holiday lasts: npx afterbell status --stage ${var.stage}"
      namespace   = "afterbell"
      metric      = "sessions_published"
      dimensions  = { service = "close-night", stage = var.stage }
      watches     = { period = 86400, periods = 5 }
    }
    undelivered = {
      description = "A schedule or a rule could not reach its target; the message in ${local.prefix}-undelivered says which and why"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = aws_sqs_queue.undelivered.name }
    }
    job-by-hand = {
      description = "A job that was started by hand has failed: npx afterbell logs consolidator --stage ${var.stage}, or resampler; the reason is in the log ${aws_cloudwatch_log_group.events.name} as well"
      namespace   = "AWS/Events"
      metric      = "TriggeredRules"
      dimensions  = { RuleName = aws_cloudwatch_event_rule.aws["job-by-hand-failed"].name }
    }
    job-stuck = {
      description = "A job has stood in RUNNABLE at the head of the queue: network, quota or size. The reason is in the log ${aws_cloudwatch_log_group.events.name}"
      namespace   = "AWS/Events"
      metric      = "TriggeredRules"
      dimensions  = { RuleName = aws_cloudwatch_event_rule.aws["job-stuck"].name }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each = local.alarms

  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = "Sum"
  period              = try(each.value.watches.period, 300)
  evaluation_periods  = try(each.value.watches.periods, 1)
  threshold           = 1
  comparison_operator = can(each.value.watches) ? "LessThanThreshold" : "GreaterThanOrEqualToThreshold"
  treat_missing_data  = can(each.value.watches) ? "missing" : "notBreaching"
  alarm_actions       = [aws_sns_topic.notify.arn]
  # The others are OK from the start and recover by themselves; nobody needs a mail for that.
  ok_actions                = can(each.value.watches) ? [aws_sns_topic.notify.arn] : []
  insufficient_data_actions = can(each.value.watches) ? [aws_sns_topic.notify.arn] : []
  # Without a schedule nothing is to be expected.
  actions_enabled = var.schedule_enabled || !can(each.value.watches)
}
