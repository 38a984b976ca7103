resource "aws_budgets_budget" "month" {
  count = var.monthly_budget_usd > 0 ? 1 : 0

  name         = local.prefix
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_unit   = "USD"
  limit_amount = tostring(var.monthly_budget_usd)

  # What carries this stage's tag; nothing, until the tag is activated for cost allocation (docs/cost.md).
  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:deployment$%s", local.tags.deployment)]
  }

  dynamic "notification" {
    for_each = { FORECASTED = 100, ACTUAL = 80 }

    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = notification.key
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = local.notify_emails
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.notify_emails) > 0
      error_message = "monthly_budget_usd: a budget needs somebody to write to; set notify_emails."
    }
  }
}
