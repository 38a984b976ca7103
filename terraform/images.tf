# `make images STAGE=…` builds batch-images/*/Dockerfile and pushes both; jobs run the digest that var.image_tag has at apply.

locals {
  # What a job writes in the lake; it reads all of it.
  jobs = {
    consolidator = { writes = ["bronze", "processing_metadata"] }
    resampler    = { writes = ["silver", "catalog", "processing_metadata"] }
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

# Repositories that are there already. Asked by name, not by reference: what is missing is then found at plan, before
# anything is made.
data "aws_ecr_repositories" "present" {}

locals {
  pushed = { for name in keys(local.jobs) : name => "${local.prefix}-${name}" if contains(data.aws_ecr_repositories.present.names, "${local.prefix}-${name}") }
}

# Terraform prints the line at fault, and with it what to do.
data "aws_ecr_image" "job" { # No such image? Push it: `make images STAGE=…`
  for_each = local.pushed

  repository_name = each.value
  image_tag       = var.image_tag
}

locals {
  image_uris = { for name, image in data.aws_ecr_image.job : name => "${aws_ecr_repository.image[name].repository_url}@${image.image_digest}" }
}
