# Who may take on a role: one AWS service, and for this account only.
data "aws_iam_policy_document" "trust" {
  for_each = {
    job      = "ecs-tasks.amazonaws.com"
    rules    = "events.amazonaws.com"
    schedule = "scheduler.amazonaws.com"
  }

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.value]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}
