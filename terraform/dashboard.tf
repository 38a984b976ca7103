locals {
  nightly_arn = aws_sfn_state_machine.machine["nightly"].arn

  # The functions' own metrics, one a dataset, function or task; SEARCH finds also those that are new next month.
  own_metric = "{afterbell,service,stage,%s} stage=\"${var.stage}\" MetricName=\"%s\""

  graphs = [
    {
      title   = "Nights by verdict"
      metrics = [[{ expression = "SEARCH('${format(local.own_metric, "status", "nights")}', 'Sum', 86400)", id = "nights" }]]
      period  = 86400
      bars    = true
    },
    {
      title   = "Seconds by stage of the night"
      metrics = [[{ expression = "SEARCH('${format(local.own_metric, "task", "task_seconds")}', 'Maximum', 86400)", id = "seconds" }]]
      period  = 86400
    },
    {
      title   = "Stages that did not succeed"
      metrics = [[{ expression = "SEARCH('${format(local.own_metric, "task", "task_not_done")}', 'Sum', 86400)", id = "failures" }]]
      period  = 86400
      bars    = true
    },
    {
      title   = "Rows by dataset"
      metrics = [[{ expression = "SEARCH('${format(local.own_metric, "dataset", "rows_written")}', 'Sum', 86400)", id = "rows" }]]
      period  = 86400
    },
    {
      title   = "Rejected rows by dataset"
      metrics = [[{ expression = "SEARCH('${format(local.own_metric, "dataset", "rejected_rows")}', 'Sum', 86400)", id = "rejects" }]]
      period  = 86400
    },
    {
      title   = "Vendors that asked for patience (429)"
      metrics = [[{ expression = "SEARCH('${format(local.own_metric, "dataset", "vendor_429")}', 'Sum', 3600)", id = "waits" }]]
      period  = 3600
    },
    {
      title   = "Freshness: sessions published, a day"
      metrics = [["afterbell", "sessions_published", "service", "close-night", "stage", var.stage]]
      period  = 86400
      bars    = true
    },
    {
      title = "Held and failed nights"
      metrics = [
        ["afterbell", "nights", "service", "close-night", "stage", var.stage, "status", "Held"],
        ["afterbell", "nights", "service", "close-night", "stage", var.stage, "status", "Failed"],
        ["AWS/States", "ExecutionsFailed", "StateMachineArn", local.nightly_arn],
        ["AWS/States", "ExecutionsTimedOut", "StateMachineArn", local.nightly_arn],
        ["AWS/States", "ExecutionsAborted", "StateMachineArn", local.nightly_arn],
      ]
      period = 86400
      bars   = true
    },
    {
      title = "Portfolio runs and maintenance"
      metrics = [
        for pair in setproduct(["portfolio", "maintenance"], ["ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"]) :
        ["AWS/States", pair[1], "StateMachineArn", aws_sfn_state_machine.machine[pair[0]].arn, { label = "${pair[0]} ${pair[1]}" }]
      ]
      period = 86400
      bars   = true
    },
    {
      title   = "Duration of executions"
      metrics = [for machine in aws_sfn_state_machine.machine : ["AWS/States", "ExecutionTime", "StateMachineArn", machine.arn, { stat = "Maximum" }]]
      period  = 86400
    },
    {
      title   = "Function errors"
      metrics = [for function in module.function : ["AWS/Lambda", "Errors", "FunctionName", function.name]]
      period  = 3600
    },
    {
      title   = "Function duration, longest"
      metrics = [for function in module.function : ["AWS/Lambda", "Duration", "FunctionName", function.name, { stat = "Maximum" }]]
      period  = 3600
    },
    {
      title = "Table throttles"
      metrics = concat(
        [for table in aws_dynamodb_table.table : ["AWS/DynamoDB", "WriteThrottleEvents", "TableName", table.name]],
        [for table in aws_dynamodb_table.table : ["AWS/DynamoDB", "ReadThrottleEvents", "TableName", table.name]],
      )
      period = 3600
    },
    {
      title   = "Undelivered starts and messages"
      metrics = [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.undelivered.name, { stat = "Maximum" }]]
      period  = 300
    },
    {
      title   = "Jobs that failed or were stuck"
      metrics = [for rule in ["job-failed", "job-by-hand-failed", "job-stuck"] : ["AWS/Events", "TriggeredRules", "RuleName", aws_cloudwatch_event_rule.aws[rule].name]]
      period  = 3600
      bars    = true
    },
    {
      title   = "Warehouse capacity (0 = asleep)"
      metrics = [["AWS/RDS", "ServerlessDatabaseCapacity", "DBClusterIdentifier", aws_rds_cluster.warehouse.cluster_identifier, { stat = "Maximum" }]]
      period  = 300
    },
  ]
}

resource "aws_cloudwatch_dashboard" "nights" {
  dashboard_name = local.prefix

  dashboard_body = jsonencode({
    # What CloudWatch opens on by itself is three hours, in which a night most often has not run.
    start          = "-P1M"
    periodOverride = "inherit"
    widgets = concat(
      [{
        type       = "alarm"
        x          = 0
        y          = 0
        width      = 24
        height     = 2
        properties = { title = "Alarms", alarms = [for alarm in aws_cloudwatch_metric_alarm.alarm : alarm.arn] }
      }],
      [for index, graph in local.graphs : {
        type   = "metric"
        x      = 8 * (index % 3)
        y      = 2 + 6 * floor(index / 3)
        width  = 8
        height = 6
        properties = {
          title   = graph.title
          region  = var.region
          view    = try(graph.bars, false) ? "bar" : "timeSeries"
          stat    = "Sum"
          period  = graph.period
          metrics = graph.metrics
        }
      }],
    )
  })
}
