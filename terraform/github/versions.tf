# Applied once by an administrator of the account, apart from the stages: what deploys them must not write its own rights.
# Its state holds no secret; where it stays is up to you (docs/deploy.md, From GitHub).
terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100.0"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { project = "afterbell", "managed-by" = "terraform" }
  }
}
