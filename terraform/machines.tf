# Every state-machines/*.asl.json is a machine here. A placeholder is a folder of functions/ or batch-images/ in snake
# case, `job_queue`, `topic` or `at_stage`; what a machine may do is read from its own text.

locals {
  machine_files = { for file in fileset("${local.root}/state-machines", "*.asl.json") : trimsuffix(file, ".asl.json") => "${local.root}/state-machines/${file}" }

  placeholders = merge(
    { for name, function in module.function : replace(name, "-", "_") => function.arn },
    # Without its revision: the newest active one, also for an execution that is under way.
    { for name, definition in aws_batch_job_definition.job : replace(name, "-", "_") => definition.arn_prefix },
    {
      job_queue = aws_batch_job_queue.jobs.arn
      topic     = aws_sns_topic.notify.arn
      # In commands that repair something: without it they would act on a laptop's home.
      at_stage = " --stage ${var.stage}"
    },
  )

  # As JSON without spaces, so that one pattern finds every Resource however the file is laid out.
  machine_texts = { for name, path in local.machine_files : name => jsonencode(jsondecode(file(path))) }

  machine_needs = {
    for name, text in local.machine_texts : name => {
      integrations = distinct(flatten(regexall("\"Resource\":\"([^\"]+)\"", text)))
      placeholders = distinct(flatten(regexall("\\$\\{([a-z_]+)\\}", text)))
    }
  }

  machine_functions = {
    for name, needs in local.machine_needs : name => [for placeholder in needs.placeholders : replace(placeholder, "_", "-") if contains(keys(local.functions), replace(placeholder, "_", "-"))]
  }
  machine_jobs = {
    for name, needs in local.machine_needs : name => [for placeholder in needs.placeholders : replace(placeholder, "_", "-") if contains(keys(local.jobs), replace(placeholder, "_", "-"))]
  }

  integrations = {
    lambda = "arn:aws:states:::lambda:invoke"
    batch  = "arn:aws:states:::batch:submitJob.sync"
    sns    = "arn:aws:states:::sns:publish"
  }
}

resource "aws_sfn_state_machine" "machine" {
  for_each = local.machine_files

  name     = "${local.prefix}-${each.key}"
  role_arn = aws_iam_role.machine[each.key].arn
  publish  = true
  # Through jsondecode, so that a file that is no JSON fails at plan.
  definition = jsonencode(jsondecode(templatefile(each.value, local.placeholders)))

  logging_configuration {
    log_destination = "${aws_cloudwatch_log_group.machine[each.key].arn}:*"
    level           = var.protect ? "ERROR" : "ALL"
    # State holds what vendors answered.
    include_execution_data = !var.protect
  }

  tracing_configuration {
    enabled = var.tracing
  }

  lifecycle {
    precondition {
      condition     = length(setsubtract(local.machine_needs[each.key].integrations, values(local.integrations))) == 0
      error_message = "state-machines/${each.key}.asl.json calls ${join(", ", setsubtract(local.machine_needs[each.key].integrations, values(local.integrations)))}, for which machines.tf has no permission: add it to local.integrations and to the policy."
    }
  }

  # Step Functions tries its role's permissions when the machine is made.
  depends_on = [aws_iam_role_policy.machine]
}

# Under /aws/vendedlogs every machine shares one resource policy, which has a size limit.
resource "aws_cloudwatch_log_group" "machine" {
  for_each = local.machine_files

  name              = "/aws/vendedlogs/states/${local.prefix}-${each.key}"
  retention_in_days = var.log_retention_days
}

data "aws_iam_policy_document" "machine_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      # *: our machines; naming one would be a circle of role and machine.
      values = ["${local.states_arn}:stateMachine:${local.prefix}-*"]
    }
  }
}

resource "aws_iam_role" "machine" {
  for_each = local.machine_files

  name               = "${local.prefix}-${each.key}-machine"
  description        = "Runs state-machines/${each.key}.asl.json"
  assume_role_policy = data.aws_iam_policy_document.machine_trust.json
}

data "aws_iam_policy_document" "machine" {
  for_each = local.machine_files

  dynamic "statement" {
    for_each = length(local.machine_functions[each.key]) > 0 ? ["functions"] : []

    content {
      sid       = "Functions"
      actions   = ["lambda:InvokeFunction"]
      resources = [for name in local.machine_functions[each.key] : module.function[name].arn]
    }
  }

  dynamic "statement" {
    for_each = contains(local.machine_needs[each.key].integrations, local.integrations.sns) ? ["topic"] : []

    content {
      sid       = "Notify"
      actions   = ["sns:Publish"]
      resources = [aws_sns_topic.notify.arn]
    }
  }

  dynamic "statement" {
    for_each = contains(local.machine_needs[each.key].integrations, local.integrations.batch) ? ["jobs"] : []

    content {
      sid     = "SubmitJobs"
      actions = ["batch:SubmitJob"]
      # *: every revision of these definitions.
      resources = concat([aws_batch_job_queue.jobs.arn], flatten([for name in local.machine_jobs[each.key] : [aws_batch_job_definition.job[name].arn_prefix, "${aws_batch_job_definition.job[name].arn_prefix}:*"]]))
    }
  }

  dynamic "statement" {
    for_each = contains(local.machine_needs[each.key].integrations, local.integrations.batch) ? ["jobs"] : []

    content {
      sid     = "WatchJobs"
      actions = ["batch:DescribeJobs"]
      # *: the action knows no resource.
      resources = ["*"]
    }
  }

  # Without it a stopped execution leaves its job running, and billed.
  dynamic "statement" {
    for_each = contains(local.machine_needs[each.key].integrations, local.integrations.batch) ? ["jobs"] : []

    content {
      sid     = "StopJobs"
      actions = ["batch:TerminateJob"]
      # *: a job's id is made when it is submitted.
      resources = ["${local.batch_arn}:job/*"]
    }
  }

  # The rule through which .sync hears of a job's end; Step Functions makes it once for the account.
  dynamic "statement" {
    for_each = contains(local.machine_needs[each.key].integrations, local.integrations.batch) ? ["jobs"] : []

    content {
      sid       = "HearOfJobs"
      actions   = ["events:PutTargets", "events:PutRule", "events:DescribeRule"]
      resources = ["${local.events_arn}:rule/StepFunctionsGetEventsForBatchJobsRule"]
    }
  }

  dynamic "statement" {
    for_each = var.tracing ? ["trace"] : []

    content {
      sid     = "Trace"
      actions = ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"]
      # *: these actions know no resource.
      resources = ["*"]
    }
  }

  statement {
    sid = "DeliverLogs"
    actions = [
      "logs:CreateLogDelivery", "logs:CreateLogStream", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
      "logs:ListLogDeliveries", "logs:PutLogEvents", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
    ]
    # *: log delivery is the account's; these actions know no resource.
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "machine" {
  for_each = local.machine_files

  name   = "work"
  role   = aws_iam_role.machine[each.key].id
  policy = data.aws_iam_policy_document.machine[each.key].json
}
