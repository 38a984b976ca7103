# One function: bundle, role and log group, all under its folder's name. No VPC, no URL, nobody but its machine calls it.

locals {
  full_name = "${var.prefix}-${var.name}"
}

# Before the function, which would create it without an end to its retention.
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${local.full_name}"
  retention_in_days = var.log_retention_days
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = local.full_name
  description        = "Runs functions/${var.name}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "logs" {
  statement {
    sid     = "OwnLog"
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    # *: the streams of its own group, one a sandbox.
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }
}

resource "aws_iam_role_policy" "logs" {
  name   = "logs"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.logs.json
}

resource "aws_iam_role_policy" "work" {
  name = "work"
  role = aws_iam_role.this.id
  # A policy cannot be empty: a function that touches nothing names its log twice.
  policy = coalesce(var.policy, data.aws_iam_policy_document.logs.json)
}

# Through a bucket: what the provider sends to Lambda itself goes one function after the other.
resource "aws_s3_object" "code" {
  bucket      = var.code_bucket
  key         = "${var.name}.zip"
  source      = var.zip
  source_hash = fileexists(var.zip) ? filebase64sha256(var.zip) : null

  lifecycle {
    precondition {
      condition     = fileexists(var.zip)
      error_message = "functions/${var.name} is not built: run `make build` first."
    }
  }
}

resource "aws_lambda_function" "this" {
  function_name    = local.full_name
  description      = "functions/${var.name}"
  role             = aws_iam_role.this.arn
  runtime          = "nodejs22.x"
  architectures    = ["arm64"]
  handler          = "index.handler"
  s3_bucket        = aws_s3_object.code.bucket
  s3_key           = aws_s3_object.code.key
  source_code_hash = aws_s3_object.code.source_hash
  memory_size      = var.memory_mb
  timeout          = var.timeout_s

  environment {
    variables = var.environment
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  logging_config {
    # The functions write JSON lines and metrics in embedded format themselves.
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  depends_on = [aws_iam_role_policy.logs, aws_iam_role_policy.work]
}
