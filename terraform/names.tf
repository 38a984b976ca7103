data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_availability_zones" "available" {
  state = "available"

  # Not the local and wavelength zones that somebody has opted into: neither Fargate nor Aurora is there.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  prefix    = "afterbell-${var.stage}"
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  # arn:aws and the account's half of an ARN, for what has to be named before it exists.
  states_arn = "arn:${local.partition}:states:${var.region}:${local.account}"
  batch_arn  = "arn:${local.partition}:batch:${var.region}:${local.account}"
  events_arn = "arn:${local.partition}:events:${var.region}:${local.account}"
  logs_arn   = "arn:${local.partition}:logs:${var.region}:${local.account}"

  # deployment: this stage and nothing else of the account, for the budget and for whoever looks at costs.
  tags = merge({ project = "afterbell", stage = var.stage, deployment = local.prefix, "managed-by" = "terraform" }, var.tags)

  root = "${path.module}/.."
}
