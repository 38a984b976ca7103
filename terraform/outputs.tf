output "lake" {
  description = "LAKE_URI of this stage."
  value       = "s3://${aws_s3_bucket.lake.bucket}"
}

output "machines" {
  description = "State machine ARNs by name."
  value       = { for name, machine in aws_sfn_state_machine.machine : name => machine.arn }
}

output "functions" {
  description = "Functions by folder: name in AWS, and log group."
  value       = { for name, function in module.function : name => { name = function.name, log_group = function.log_group } }
}

output "jobs" {
  description = "Queue, job definitions by folder, and log group of the jobs."
  value = {
    queue       = aws_batch_job_queue.jobs.name
    definitions = { for name, definition in aws_batch_job_definition.job : name => definition.name }
    log_group   = aws_cloudwatch_log_group.jobs.name
  }
}

output "repositories" {
  description = "Where job images are pushed."
  value       = { for name, repository in aws_ecr_repository.image : name => repository.repository_url }
}

output "environment" {
  description = "What functions and jobs are configured with, for a command line that acts on this stage."
  value       = local.environment
}

output "topic" {
  description = "Topic of failed and held nights and of alarms."
  value       = aws_sns_topic.notify.arn
}

output "dashboard" {
  description = "Link to the dashboard."
  value       = "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.nights.dashboard_name}"
}

output "practice" {
  description = "Whether the vendors are the practice market."
  value       = var.practice
}

output "secrets" {
  description = "How each vendor's key is put in, from the terminal: neither Terraform nor a command line nor the shell's history sees it."
  value = { for vendor, secret in aws_secretsmanager_secret.vendor : vendor => {
    command = "aws secretsmanager put-secret-value --region ${var.region} --secret-id ${secret.name} --secret-string file:///dev/stdin"
    wants   = jsonencode(local.vendor_keys[vendor].value)
  } }
}

output "off" {
  description = "What no night does as it is configured, and how each is switched on."
  value = merge(
    { for vendor, key in local.vendor_keys : vendor => "${key.skipped}. On: \"${vendor}\" in vendors of terraform/environments/${var.stage}.tfvars, make deploy STAGE=${var.stage}, then put its key in" if !contains(var.vendors, vendor) },
    contains(keys(merge(var.settings, local.practice_settings)), "INDEX_MEMBERS_URI") ? {} : { INDEX_MEMBERS_URI = "no members of the Russell 2000, and so no valuations of them. On: settings = { INDEX_MEMBERS_URI = \"https://… or s3://…\" } in terraform/environments/${var.stage}.tfvars, the holdings CSV of the iShares fund; then make deploy STAGE=${var.stage}" },
    var.portfolios ? {} : { portfolios = "no portfolio run. On: portfolios = true in terraform/environments/${var.stage}.tfvars, then make deploy STAGE=${var.stage}" },
  )
}
