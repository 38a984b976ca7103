# `make images STAGE=…` builds batch-images/*/Dockerfile and pushes both; jobs run the digest that var.image_tag has at apply.

locals {
  # What a job writes in the lake; it reads all of it.
  jobs = {
    consolidator = { writes = ["bronze", "processing_metadata"] }
    resampler    = { writes = ["silver", "processing_metadata"] }
  }
}

resource "aws_ecr_repository" "image" {
  for_each = local.jobs

  name                 = "${local.prefix}-${each.key}"
  image_tag_mutability = "MUTABLE"
  force_delete         = !var.protect

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "image" {
  for_each = local.jobs

  repository = aws_ecr_repository.image[each.key].name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "twenty to go back to"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 20 }
      action       = { type = "expire" }
    }]
  })
}

# By name, not by reference: an image that is missing is then found at plan, before anything is made. Terraform prints
# the line at fault, and with it what to do.
data "aws_ecr_image" "job" { # No such image or repository? Run `make images STAGE=…`, on a new account `make deploy STAGE=…`.
  for_each = local.jobs

  repository_name = "${local.prefix}-${each.key}"
  image_tag       = var.image_tag
}

locals {
  image_uris = { for name, repository in aws_ecr_repository.image : name => "${repository.repository_url}@${data.aws_ecr_image.job[name].image_digest}" }
}
