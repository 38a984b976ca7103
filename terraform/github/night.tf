# What `npx afterbell night`, `status` and `logs` ask for with --stage: nothing is written but the start of a night.

data "aws_iam_policy_document" "night" {
  for_each = var.stages

  statement {
    sid     = "Find"
    actions = ["lambda:GetFunctionConfiguration"]
    # *: whichever region the stage is in.
    resources = ["arn:${local.partition}:lambda:*:${local.account}:function:afterbell-${each.key}-open-night"]
  }

  statement {
    sid     = "Start"
    actions = ["states:StartExecution"]
    # *: whichever region the stage is in.
    resources = ["arn:${local.partition}:states:*:${local.account}:stateMachine:afterbell-${each.key}-nightly"]
  }

  statement {
    sid     = "Follow"
    actions = ["states:DescribeExecution", "states:GetExecutionHistory"]
    # *: executions have names of their own.
    resources = ["arn:${local.partition}:states:*:${local.account}:execution:afterbell-${each.key}-nightly:*"]
  }

  statement {
    sid     = "ReadLake"
    actions = ["s3:GetObject", "s3:ListBucket"]
    resources = [
      "arn:${local.partition}:s3:::afterbell-${each.key}-lake-${local.account}",
      # *: every key of the lake.
      "arn:${local.partition}:s3:::afterbell-${each.key}-lake-${local.account}/*",
    ]
  }

  statement {
    sid     = "ReadTables"
    actions = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"]
    # *: the stage's tables.
    resources = ["arn:${local.partition}:dynamodb:*:${local.account}:table/afterbell-${each.key}-*"]
  }

  statement {
    sid     = "ReadLogs"
    actions = ["logs:FilterLogEvents"]
    resources = [
      # *: the groups of the stage's functions, and their streams.
      "arn:${local.partition}:logs:*:${local.account}:log-group:/aws/lambda/afterbell-${each.key}-*",
      # *: the group of its jobs, and its streams.
      "arn:${local.partition}:logs:*:${local.account}:log-group:/aws/batch/afterbell-${each.key}:*",
    ]
  }
}

resource "aws_iam_role_policy" "night" {
  for_each = var.stages

  name   = "night"
  role   = aws_iam_role.night[each.key].id
  policy = data.aws_iam_policy_document.night[each.key].json
}
