# Who may be somebody in this account: workflows of one repository, in the environment of the same name as the stage. GitHub
# holds them until that environment's rules are met, so a reviewer of `prod` stands before the role.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  issuer    = "token.actions.githubusercontent.com"
  provider  = "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.issuer}"
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.provider_exists ? 0 : 1

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  for_each = var.stages

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = ["repo:${var.repository}:environment:${each.key}"]
    }
  }
}

# Their names do not begin with afterbell-, which is all that the deployer may write the policies of.
resource "aws_iam_role" "deploy" {
  for_each = var.stages

  name                 = "github-afterbell-${each.key}-deploy"
  description          = "deploy.yml: make deploy STAGE=${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 3600
}

resource "aws_iam_role" "night" {
  for_each = var.stages

  name               = "github-afterbell-${each.key}-night"
  description        = "night.yml: starts a night of ${each.key}, follows it to its end and reads what came of it"
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
  # The workflow follows a night for at most six hours; the machine itself may take twelve.
  max_session_duration = 21600
}

output "roles" {
  description = "What the repository's environments are to know, by stage."
  value       = { for stage in var.stages : stage => { AWS_ROLE_ARN = aws_iam_role.deploy[stage].arn, AWS_NIGHT_ROLE_ARN = aws_iam_role.night[stage].arn } }
}
