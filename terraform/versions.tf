terraform {
  # 1.10 is the first that locks state in S3 without a table.
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The version that the tests run; 6.0 renames arguments of Batch.
      version = "~> 5.100.0"
    }
  }

  # Bucket, key and region come from environments/STAGE.s3.tfbackend or from `make deploy`.
  backend "s3" {
    use_lockfile = true
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = length(var.account_ids) > 0 ? var.account_ids : null

  default_tags {
    tags = local.tags
  }
}
