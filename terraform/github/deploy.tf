# deployer-policy.json, narrowed to one stage. Of what it names afterbell-*, only the bucket of Terraform's state is shared by
# all stages, and of that only the stage's own state.

locals {
  deployer = { for stage in var.stages : stage => jsondecode(replace(replace(file("${path.module}/../deployer-policy.json"), "/afterbell([-_])\\*/", "afterbell$${1}${stage}*"), "arn:aws:", "arn:${local.partition}:")) }

  # A managed policy has 6,144 characters at most.
  half = ceil(length(jsondecode(file("${path.module}/../deployer-policy.json")).Statement) / 2)
  deploy_policies = merge([
    for stage, policy in local.deployer : {
      for part in [0, 1] : "${stage}-${part + 1}" => {
        stage = stage
        text  = jsonencode({ Version = policy.Version, Statement = [for index, statement in policy.Statement : statement if floor(index / local.half) == part] })
      }
    }
  ]...)
}

resource "aws_iam_policy" "deploy" {
  for_each = local.deploy_policies

  name        = "github-afterbell-${each.key}"
  description = "Part of deployer-policy.json, for ${each.value.stage}"
  policy      = each.value.text

  lifecycle {
    precondition {
      condition     = length(each.value.text) <= 6144
      error_message = "Half of deployer-policy.json is longer than a managed policy may be: divide it once more."
    }
  }
}

resource "aws_iam_role_policy_attachment" "deploy" {
  for_each = local.deploy_policies

  role       = aws_iam_role.deploy[each.value.stage].name
  policy_arn = aws_iam_policy.deploy[each.key].arn
}

data "aws_iam_policy_document" "state" {
  for_each = var.stages

  statement {
    sid     = "StateBucket"
    actions = ["s3:CreateBucket", "s3:ListBucket", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning"]
    # *: one bucket a region.
    resources = ["arn:${local.partition}:s3:::afterbell-state-${local.account}-*"]
  }

  statement {
    sid     = "OwnState"
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = [
      # *: one bucket a region; the state of one stage, and its lock.
      for suffix in ["", ".tflock"] : "arn:${local.partition}:s3:::afterbell-state-${local.account}-*/afterbell/${each.key}.tfstate${suffix}"
    ]
  }
}

resource "aws_iam_role_policy" "state" {
  for_each = var.stages

  name   = "state"
  role   = aws_iam_role.deploy[each.key].id
  policy = data.aws_iam_policy_document.state[each.key].json
}
