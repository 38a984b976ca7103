# Batch on Fargate. No service role: with AWSServiceRoleForBatch a compute environment can be changed in place.

locals {
  capacities = var.job.spot ? ["FARGATE_SPOT", "FARGATE"] : ["FARGATE"]
}

resource "aws_batch_compute_environment" "jobs" {
  for_each = toset(local.capacities)

  compute_environment_name_prefix = "${local.prefix}-${lower(replace(each.key, "_", "-"))}-"
  type                            = "MANAGED"

  compute_resources {
    type               = each.key
    max_vcpus          = ceil(var.job.max_vcpu)
    subnets            = [for subnet in(local.private ? aws_subnet.private : aws_subnet.public) : subnet.id]
    security_group_ids = [aws_security_group.jobs.id]
  }

  # A queue holds on to its environment: the new one must be there first.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_batch_job_queue" "jobs" {
  name     = "${local.prefix}-jobs"
  state    = "ENABLED"
  priority = 1

  dynamic "compute_environment_order" {
    for_each = local.capacities

    content {
      order               = compute_environment_order.key + 1
      compute_environment = aws_batch_compute_environment.jobs[compute_environment_order.value].arn
    }
  }

  # A job that cannot be placed fails by name instead of waiting for ever.
  dynamic "job_state_time_limit_action" {
    for_each = [
      "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
      "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
      "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
    ]

    content {
      state            = "RUNNABLE"
      action           = "CANCEL"
      reason           = job_state_time_limit_action.value
      max_time_seconds = 1800
    }
  }
}

resource "aws_cloudwatch_log_group" "jobs" {
  name              = "/aws/batch/${local.prefix}"
  retention_in_days = var.log_retention_days
}

resource "aws_batch_job_definition" "job" {
  for_each = local.jobs

  name                  = "${local.prefix}-${each.key}"
  type                  = "container"
  platform_capabilities = ["FARGATE"]
  propagate_tags        = true
  # Executions under way, and reruns, name the definition without its revision; an older one stays to go back to.
  deregister_on_new_revision = false

  container_properties = jsonencode({
    image            = lookup(local.image_uris, each.key, "")
    command          = []
    jobRoleArn       = aws_iam_role.job[each.key].arn
    executionRoleArn = aws_iam_role.job_start.arn
    resourceRequirements = [
      { type = "VCPU", value = tostring(var.job.vcpu) },
      { type = "MEMORY", value = tostring(var.job.memory_mb) },
    ]
    fargatePlatformConfiguration = { platformVersion = "LATEST" }
    runtimePlatform              = { operatingSystemFamily = "LINUX", cpuArchitecture = "ARM64" }
    networkConfiguration         = { assignPublicIp = local.private ? "DISABLED" : "ENABLED" }
    ephemeralStorage             = { sizeInGiB = var.job.disk_gib }
    readonlyRootFilesystem       = true
    # Its owner is the image's, which names /scratch as a VOLUME.
    volumes         = [{ name = "scratch" }]
    mountPoints     = [{ sourceVolume = "scratch", containerPath = "/scratch", readOnly = false }]
    linuxParameters = { initProcessEnabled = true }
    environment     = [for name, value in merge(local.environment, { SCRATCH_DIR = "/scratch" }) : { name = name, value = value }]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.jobs.name
        "awslogs-region"        = var.region
        "awslogs-stream-prefix" = each.key
      }
    }
  })

  timeout {
    # Three attempts fit into the 14,400 s that the state machine waits.
    attempt_duration_seconds = 4500
  }

  # Without a match Batch tries again, hence the last rule. A spot reclaim exits with 137 as lack of memory does, so it comes first.
  retry_strategy {
    attempts = 3

    evaluate_on_exit {
      action           = "RETRY"
      on_status_reason = "Your Spot Task was interrupted*"
    }
    evaluate_on_exit {
      action    = "RETRY"
      on_reason = "CannotPullContainerError*"
    }
    evaluate_on_exit {
      action           = "RETRY"
      on_status_reason = "ResourceInitializationError*"
    }
    evaluate_on_exit {
      action       = "RETRY"
      on_exit_code = "75"
    }
    evaluate_on_exit {
      action    = "EXIT"
      on_reason = "*"
    }
  }

  lifecycle {
    precondition {
      condition     = contains(keys(local.image_uris), each.key)
      error_message = "There is no repository ${local.prefix}-${each.key}, and so no image to run. On a new account `make deploy STAGE=${var.stage}` does all in order; by hand: terraform apply with -target=aws_ecr_repository.image, make images STAGE=${var.stage}, and then this again."
    }
  }
}

# What starts a container: it pulls images and writes logs. The code itself runs under its job's own role.
resource "aws_iam_role" "job_start" {
  name               = "${local.prefix}-job-start"
  description        = "Pulls the job images and writes the job log"
  assume_role_policy = data.aws_iam_policy_document.trust["job"].json
}

data "aws_iam_policy_document" "job_start" {
  statement {
    sid     = "EcrToken"
    actions = ["ecr:GetAuthorizationToken"]
    # *: the token is the account's; the action knows no resource.
    resources = ["*"]
  }

  statement {
    sid       = "PullImages"
    actions   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"]
    resources = [for repository in aws_ecr_repository.image : repository.arn]
  }

  statement {
    sid     = "JobLog"
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    # *: the streams of this one group, one an attempt.
    resources = ["${aws_cloudwatch_log_group.jobs.arn}:*"]
  }
}

resource "aws_iam_role_policy" "job_start" {
  name   = "start"
  role   = aws_iam_role.job_start.id
  policy = data.aws_iam_policy_document.job_start.json
}

resource "aws_iam_role" "job" {
  for_each = local.jobs

  name               = "${local.prefix}-${each.key}"
  description        = "Runs batch-images/${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust["job"].json
}

data "aws_iam_policy_document" "job" {
  for_each = local.jobs

  source_policy_documents = [data.aws_iam_policy_document.read_lake.json]

  statement {
    sid     = "WriteLake"
    actions = ["s3:PutObject", "s3:DeleteObject"]
    # *: every key below these folders.
    resources = [for folder in each.value.writes : "${aws_s3_bucket.lake.arn}/${folder}/*"]
  }
}

resource "aws_iam_role_policy" "job" {
  for_each = local.jobs

  name   = "work"
  role   = aws_iam_role.job[each.key].id
  policy = data.aws_iam_policy_document.job[each.key].json
}
