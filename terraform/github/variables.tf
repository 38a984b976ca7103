variable "repository" {
  description = "The one repository on GitHub whose workflows may sign in, as OWNER/NAME."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository: wanted OWNER/NAME, as in its address on GitHub; no *."
  }
}

variable "stages" {
  description = "Stages that workflows deploy and run nights on; each is an environment of the repository as well."
  type        = set(string)
  default     = ["dev", "prod"]

  validation {
    condition     = length(var.stages) > 0 && alltrue([for stage in var.stages : can(regex("^[a-z][a-z0-9]{1,11}$", stage))])
    error_message = "stages: wanted names of stages, 2 to 12 lower-case letters and digits."
  }
}

variable "provider_exists" {
  description = "true = the account has GitHub's OIDC provider already, as each can have only one."
  type        = bool
  default     = false
}

variable "region" {
  description = "Region that the provider calls from. IAM has none: another is needed in another partition only."
  type        = string
  default     = "us-east-1"
}
