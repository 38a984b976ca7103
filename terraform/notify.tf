locals {
  notify_emails = setsubtract(var.notify_emails, ["nobody"])
}

# Where everything that needs a person goes. Not encrypted with the account's own SNS key: CloudWatch and EventBridge may not use that one.
resource "aws_sns_topic" "notify" {
  name = "${local.prefix}-notify"
}

resource "aws_sns_topic_subscription" "email" {
  for_each = local.notify_emails

  topic_arn = aws_sns_topic.notify.arn
  protocol  = "email"
  endpoint  = each.key
}

data "aws_iam_policy_document" "notify" {
  statement {
    sid       = "Alarms"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.notify.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.notify.arn]

    principals {
      type = "*"
      # *: a refusal is for everybody.
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sns_topic_policy" "notify" {
  arn    = aws_sns_topic.notify.arn
  policy = data.aws_iam_policy_document.notify.json
}
