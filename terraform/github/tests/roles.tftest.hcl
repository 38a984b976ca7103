mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/mock" }
  }
}

variables {
  repository = "you/afterbell"
}

run "only_the_environment_of_a_stage_may_become_it" {
  assert {
    condition = alltrue([
      for stage, document in data.aws_iam_policy_document.trust :
      { for condition in document.statement[0].condition : condition.variable => [condition.test, condition.values[0]] } == {
        "token.actions.githubusercontent.com:aud" = ["StringEquals", "sts.amazonaws.com"]
        "token.actions.githubusercontent.com:sub" = ["StringEquals", "repo:you/afterbell:environment:${stage}"]
      }
    ]) && toset(keys(data.aws_iam_policy_document.trust)) == toset(["dev", "prod"])
    error_message = "another repository, branch or environment could sign in"
  }

  assert {
    condition     = alltrue([for policy in values(aws_iam_policy.deploy) : length(policy.policy) <= 6144]) && length(aws_iam_role_policy_attachment.deploy) == 4
    error_message = "the deployer's policy does not fit, or is not attached"
  }

  # Every resource that a deployer may change is of its own stage; Look, Network and OwnNetwork know no names.
  assert {
    condition = alltrue(flatten([
      for part in values(local.deploy_policies) : [
        for statement in jsondecode(part.text).Statement : [
          for arn in flatten([statement.Resource]) : can(regex("afterbell[-_]${part.stage}\\*", arn)) || contains(["arn:aws:glue:*:*:catalog", "arn:aws:iam::*:role/aws-service-role/*", "arn:aws:rds:*:*:*:default*", "arn:aws:secretsmanager:*:*:secret:rds!cluster-*"], arn)
        ] if !contains(["Look", "Network", "OwnNetwork"], statement.Sid)
      ]
    ]))
    error_message = "a deployer may change another stage"
  }

  assert {
    condition     = toset(flatten([for policy in [jsondecode(file("../deployer-policy.json"))] : policy.Statement[*].Sid])) == toset(flatten([for part in values(local.deploy_policies) : jsondecode(part.text).Statement[*].Sid if part.stage == "prod"]))
    error_message = "a part of deployer-policy.json is lost"
  }

  # Or they could give themselves any right.
  assert {
    condition     = alltrue([for role in concat(values(aws_iam_role.deploy), values(aws_iam_role.night)) : startswith(role.name, "github-")])
    error_message = "a deployer may write its own policies"
  }

  assert {
    condition     = alltrue([for role in values(aws_iam_role.night) : role.max_session_duration == 21600]) && alltrue([for role in values(aws_iam_role.deploy) : role.max_session_duration == 3600])
    error_message = "a night outlives its credentials, or a deployer's last longer than they need"
  }

  assert {
    condition     = alltrue(flatten([for document in values(data.aws_iam_policy_document.night) : [for statement in document.statement : [for action in statement.actions : can(regex(":(Get|List|Describe|BatchGet|Query|Scan|Filter)", action)) || action == "states:StartExecution"]]]))
    error_message = "a night's role may do more than start one and look"
  }
}

run "the_account_may_have_the_provider" {
  command = plan

  variables {
    provider_exists = true
    stages          = ["dev"]
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && length(aws_iam_role.deploy) == 1
    error_message = "a second provider is made, which AWS refuses"
  }
}

run "a_repository_is_one" {
  command = plan

  variables {
    repository = "you/*"
  }

  expect_failures = [var.repository]
}
