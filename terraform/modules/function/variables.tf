variable "name" {
  description = "The function's folder in functions/."
  type        = string
}

variable "prefix" {
  description = "afterbell-STAGE."
  type        = string

  validation {
    # 64 characters are all that a function's or a role's name may have.
    condition     = length(var.prefix) <= 30
    error_message = "prefix: wanted at most 30 characters."
  }
}

variable "zip" {
  description = "Its bundle, made by `make build`."
  type        = string
}

variable "code_bucket" {
  description = "Where the bundle is put for Lambda to take."
  type        = string
}

variable "memory_mb" {
  description = "Memory, and with it the share of a processor."
  type        = number
}

variable "timeout_s" {
  description = "Seconds until Lambda ends it."
  type        = number
}

variable "environment" {
  description = "Settings by name, as src/config.ts reads them."
  type        = map(string)
}

variable "policy" {
  description = "JSON policy of what it may touch, null for nothing; its own log is added here."
  type        = string
}

variable "log_retention_days" {
  description = "Days its log is kept."
  type        = number
}

variable "tracing" {
  description = "Whether it sends traces to X-Ray."
  type        = bool
  default     = false
}
