variable "stage" {
  description = "Name of the deployment; part of every resource's name. One account may hold several."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.stage))
    error_message = "stage: wanted 2 to 12 lower-case letters and digits, a letter first (dev, prod)."
  }
}

variable "region" {
  description = "AWS region of everything."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: wanted a region's name, such as us-east-1."
  }
}

variable "account_ids" {
  description = "Accounts this may be applied to; empty = whichever the credentials belong to."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "account_ids: wanted account numbers of 12 digits."
  }
}

variable "protect" {
  description = "true = nothing that holds data can be deleted by Terraform, and Aurora leaves a last snapshot (prod); false = `destroy` leaves nothing (dev)."
  type        = bool
}

variable "practice" {
  description = "true = the vendors are the practice market, a function of the stage's own: made-up prices, no keys. `make deploy PRACTICE=1` sets it."
  type        = bool
  default     = false

  validation {
    condition     = !(var.practice && var.protect)
    error_message = "practice: a practice stage keeps nothing worth protecting, so that destroy leaves nothing; set protect = false."
  }
}

variable "tags" {
  description = "Tags of every resource, beside project, stage, deployment and managed-by."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.tags), ["project", "stage", "deployment", "managed-by"])) == 0 && !anytrue([for key in keys(var.tags) : startswith(lower(key), "aws:")])
    error_message = "tags: project, stage, deployment and managed-by are set already, and aws: is not yours."
  }
}

variable "notify_emails" {
  description = "Addresses that failed and held nights, alarms and the budget write to. Each gets a mail with a link to confirm. [\"nobody\"] = nobody is to be notified; `make deploy` wants one or the other."
  type        = set(string)
  default     = []

  validation {
    condition     = var.notify_emails == toset(["nobody"]) || alltrue([for address in var.notify_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "notify_emails: wanted e-mail addresses, or only \"nobody\"."
  }
}

variable "schedule" {
  description = "When the night starts, in schedule_timezone: cron(minute hour day month weekday year)."
  type        = string
  default     = "cron(0 4 * * ? *)"

  validation {
    condition     = can(regex("^cron\\([0-5]?[0-9] ([01]?[0-9]|2[0-3]) (\\S+) (\\S+) (\\S+) (\\S+)\\)$", var.schedule)) && length(regexall("\\?", var.schedule)) == 1
    error_message = "schedule: wanted one time of day, as in cron(0 4 * * ? *): six fields, ? as the day or the weekday."
  }

  validation {
    condition     = can(regex("^cron\\([0-9]{1,2} ([3-9]|0[3-9]|1[0-9]|2[0-3]|0|00) ", var.schedule))
    error_message = "schedule: between 01:00 and 03:00 an hour is missing or comes twice when the clocks change."
  }
}

variable "schedule_timezone" {
  description = "IANA time zone of the schedule."
  type        = string
  default     = "America/New_York"

  validation {
    condition     = can(regex("^(UTC|(Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z_]+(/[A-Za-z_]+)?)$", var.schedule_timezone))
    error_message = "schedule_timezone: wanted an IANA name such as America/New_York; EST knows no summer time."
  }
}

variable "schedule_enabled" {
  description = "false = nights are started by hand only."
  type        = bool
  default     = true
}

variable "vendors" {
  description = "Vendors whose keys you have: each gets an empty secret to put the key into. The others are skipped, and the report says so."
  type        = set(string)
  default     = ["polygon", "alpaca"]

  validation {
    condition     = length(setsubtract(var.vendors, ["polygon", "alpaca", "fmp", "xai", "flat-files"])) == 0
    error_message = "vendors: wanted some of polygon, alpaca, fmp, xai, flat-files."
  }
}

variable "settings" {
  description = "Settings of .env.example by name, for functions and jobs alike, for example { POLYGON_CALLS_PER_MINUTE = \"0\" }. USER_PORTFOLIOS_TABLE and PORTFOLIO_POSITIONS_TABLE, both, name another service's tables instead of ours. Never keys: those go into the secrets."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.settings), flatten(regexall("(?m)^#([A-Z][A-Z_]*)=", file("${path.module}/../.env.example"))))) == 0
    error_message = "settings: wanted names from .env.example."
  }

  validation {
    condition     = length(setintersection(keys(var.settings), ["USER_PORTFOLIOS_TABLE", "PORTFOLIO_POSITIONS_TABLE"])) != 1
    error_message = "settings: USER_PORTFOLIOS_TABLE and PORTFOLIO_POSITIONS_TABLE are of one service: name both, or neither."
  }

  validation {
    condition     = !anytrue([for name in keys(var.settings) : can(regex("_KEY$|_KEY_ID$|_SECRET|_SECRET_KEY$|^DATABASE_URL$", name))])
    error_message = "settings: keys and passwords would lie in Terraform's state; put them into the secrets (terraform output secrets)."
  }

  validation {
    condition     = length(setintersection(keys(var.settings), ["AFTERBELL_HOME", "LAKE_URI", "LOG_LEVEL"])) == 0
    error_message = "settings: LAKE_URI is the lake bucket, LOG_LEVEL is log_level, and AFTERBELL_HOME is a laptop's."
  }
}

variable "portfolios" {
  description = "true = after a good night the portfolio run analyses what the portfolio tables hold: our own two, or those that settings name; false = no tables and no run."
  type        = bool
  default     = true
}

variable "log_level" {
  description = "How much functions and jobs log: DEBUG, INFO, WARN or ERROR."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARN", "ERROR"], var.log_level)
    error_message = "log_level: wanted DEBUG, INFO, WARN or ERROR."
  }
}

variable "tracing" {
  description = "true = machines and functions send traces to X-Ray (about 5 USD a million)."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "Days that logs of functions, machines and jobs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days: wanted a number CloudWatch knows: 7, 14, 30, 60, 90, 180, 365 …"
  }
}

variable "lake_bucket" {
  description = "Name of the lake's bucket; null = afterbell-STAGE-lake-ACCOUNT."
  type        = string
  default     = null

  validation {
    condition     = var.lake_bucket == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.lake_bucket))
    error_message = "lake_bucket: wanted 3 to 63 lower-case letters, digits and hyphens (dots break TLS)."
  }
}

variable "lake_noncurrent_days" {
  description = "Days that replaced and deleted versions of lake objects are kept."
  type        = number
  default     = 30

  validation {
    condition     = var.lake_noncurrent_days >= 1 && floor(var.lake_noncurrent_days) == var.lake_noncurrent_days
    error_message = "lake_noncurrent_days: wanted whole days, at least 1."
  }
}

variable "function_memory_mb" {
  description = "Memory of the functions that sync, stage, check and publish; the others need less and have less."
  type        = number
  default     = 1024

  validation {
    condition     = var.function_memory_mb >= 512 && var.function_memory_mb <= 10240
    error_message = "function_memory_mb: wanted 512 to 10240."
  }
}

variable "function_timeout_seconds" {
  description = "Time box of the functions that sync and stage; the state machine waits 900 s for them."
  type        = number
  default     = 900

  validation {
    condition     = var.function_timeout_seconds >= 60 && var.function_timeout_seconds <= 900
    error_message = "function_timeout_seconds: wanted 60 to 900."
  }
}

variable "job" {
  description = "Size of the consolidator and the resampler on Fargate: vCPU and memory as a pair Fargate offers, disk in GiB (20 is included), spot = try spare capacity first, max_vcpu = of all jobs at once (a new account's quota is 6)."
  type = object({
    vcpu      = optional(number, 2)
    memory_mb = optional(number, 4096)
    disk_gib  = optional(number, 21)
    spot      = optional(bool, false)
    max_vcpu  = optional(number, 6)
  })
  default = {}

  validation {
    condition = contains(lookup({
      "0.25" = [512, 1024, 2048]
      "0.5"  = range(1024, 4097, 1024)
      "1"    = range(2048, 8193, 1024)
      "2"    = range(4096, 16385, 1024)
      "4"    = range(8192, 30721, 1024)
      "8"    = range(16384, 61441, 4096)
      "16"   = range(32768, 122881, 8192)
    }, tostring(var.job.vcpu), []), var.job.memory_mb)
    error_message = "job: Fargate offers no such pair. With 2 vCPU: 4096 to 16384 MB in steps of 1024; with 4: 8192 to 30720."
  }

  validation {
    condition     = var.job.disk_gib >= 21 && var.job.disk_gib <= 200
    error_message = "job.disk_gib: wanted 21 to 200."
  }

  validation {
    condition     = var.job.max_vcpu >= var.job.vcpu
    error_message = "job.max_vcpu: wanted at least job.vcpu, or no job could ever start."
  }
}

variable "image_tag" {
  description = "Tag of the job images in ECR; jobs run the digest it has at apply."
  type        = string
  default     = "current"

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.image_tag))
    error_message = "image_tag: wanted an image tag."
  }
}

variable "network_mode" {
  description = "How jobs reach ECR, S3 and logs: public = public subnets, no way in, no fixed price; nat = private subnets behind a NAT gateway (about 33 USD a month); endpoints = private subnets with interface endpoints (about 22 USD a month and zone)."
  type        = string
  default     = "public"

  validation {
    condition     = contains(["public", "nat", "endpoints"], var.network_mode)
    error_message = "network_mode: wanted public, nat or endpoints."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC of jobs and warehouse, /16 to /24."
  type        = string
  default     = "10.61.0.0/22"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && can(regex("/(1[6-9]|2[0-4])$", var.vpc_cidr))
    error_message = "vpc_cidr: wanted an IPv4 range of /16 to /24, such as 10.61.0.0/22."
  }
}

variable "warehouse" {
  description = "Aurora PostgreSQL Serverless v2: engine version (a major one, which AWS keeps at its newest minor one; or a full one, which stays: 16.3, 15.7, 14.12, 13.15 and later can pause), most capacity units, idle seconds before it pauses."
  type = object({
    engine_version     = optional(string, "16")
    max_capacity       = optional(number, 2)
    auto_pause_seconds = optional(number, 900)
    backup_days        = optional(number, 7)
  })
  default = {}

  validation {
    condition = contains(["13", "14", "15", "16", "17"], var.warehouse.engine_version) || try(
      tonumber(split(".", var.warehouse.engine_version)[1]) >= lookup({ "13" = 15, "14" = 12, "15" = 7, "16" = 3, "17" = 4 }, split(".", var.warehouse.engine_version)[0], 1000),
      false
    )
    error_message = "warehouse.engine_version: wanted 13 to 17, or a version that can pause: 13.15, 14.12, 15.7, 16.3, 17.4 or later of these."
  }

  validation {
    condition     = var.warehouse.max_capacity >= 1 && var.warehouse.max_capacity <= 256 && floor(var.warehouse.max_capacity * 2) == var.warehouse.max_capacity * 2
    error_message = "warehouse.max_capacity: wanted 1 to 256 in steps of 0.5."
  }

  validation {
    condition     = var.warehouse.auto_pause_seconds >= 900 && var.warehouse.auto_pause_seconds <= 86400
    error_message = "warehouse.auto_pause_seconds: wanted 900 to 86400; sooner, it would pause between the steps of a night."
  }

  validation {
    condition     = var.warehouse.backup_days >= 1 && var.warehouse.backup_days <= 35
    error_message = "warehouse.backup_days: wanted 1 to 35."
  }
}

variable "monthly_budget_usd" {
  description = "Writes to notify_emails when this stage's month is forecast to cost more; 0 = no budget."
  type        = number
  default     = 0

  validation {
    condition     = var.monthly_budget_usd >= 0
    error_message = "monthly_budget_usd: wanted 0 or more."
  }
}
