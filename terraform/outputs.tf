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
  description = "How each vendor's key is put in; Terraform never sees it."
  value       = { for vendor, secret in aws_secretsmanager_secret.vendor : vendor => "aws secretsmanager put-secret-value --region ${var.region} --secret-id ${secret.name} --secret-string '${jsonencode(local.vendor_keys[vendor].value)}'" }
}
