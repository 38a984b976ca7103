mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stage   = "try"
  protect = false
}

override_data {
  target = data.aws_ecr_repositories.present
  values = { names = ["afterbell-try-consolidator", "afterbell-try-resampler"] }
}

run "the_vendors_are_a_function_of_the_stage" {
  command = plan

  variables {
    practice = true
    vendors  = ["polygon", "alpaca", "fmp", "xai"]
    settings = { SYMBOLS = "200", POLYGON_BASE_URL = "https://api.massive.com" }
  }

  assert {
    condition     = module.practice_market[0].name == "afterbell-try-practice-market"
    error_message = "the practice market is not deployed"
  }

  assert {
    condition     = alltrue([for name, value in local.environment : value == "lambda://afterbell-try-practice-market" if endswith(name, "_BASE_URL")]) && local.environment["XAI_API_URL"] == "lambda://afterbell-try-practice-market/v1" && startswith(local.environment["INDEX_MEMBERS_URI"], "lambda://afterbell-try-practice-market/")
    error_message = "a vendor is asked elsewhere"
  }

  assert {
    condition = alltrue([for name, needs in local.functions : (length(try(needs.secrets, [])) > 0 || try(needs.members_file, false)) == (length([
      for statement in data.aws_iam_policy_document.function[name].statement : statement if statement.sid == "AskPracticeMarket"
    ]) == 1)])
    error_message = "a function that asks vendors may not invoke the practice market, or one that asks none may"
  }

  assert {
    condition     = aws_s3_bucket.lake.force_destroy && !aws_rds_cluster.warehouse.deletion_protection && aws_rds_cluster.warehouse.skip_final_snapshot && alltrue([for repository in aws_ecr_repository.image : repository.force_delete]) && alltrue([for secret in aws_secretsmanager_secret.vendor : secret.recovery_window_in_days == 0])
    error_message = "destroy would leave something behind"
  }
}

run "a_real_stage_has_no_practice_market" {
  command = plan

  assert {
    condition     = length(module.practice_market) == 0 && length(local.practice_callers) == 0 && !contains(keys(local.environment), "POLYGON_BASE_URL")
    error_message = "the practice market is deployed, and nobody asked for it"
  }
}
