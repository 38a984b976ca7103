output "arn" {
  description = "Unqualified, so that a repaired function is what a running execution calls next."
  value       = aws_lambda_function.this.arn
}

output "name" {
  description = "The function's name in AWS."
  value       = aws_lambda_function.this.function_name
}

output "log_group" {
  description = "Where its lines go."
  value       = aws_cloudwatch_log_group.this.name
}
