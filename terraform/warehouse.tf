# PostgreSQL that sleeps between nights. Only the Data API reaches it: functions need no VPC, and no port is open.

resource "aws_db_subnet_group" "warehouse" {
  name       = "${local.prefix}-warehouse"
  subnet_ids = [for subnet in aws_subnet.warehouse : subnet.id]
}

resource "aws_security_group" "warehouse" {
  name        = "${local.prefix}-warehouse"
  description = "Nothing in, nothing out; the Data API needs no network path"
  vpc_id      = aws_vpc.this.id
}

resource "aws_rds_cluster" "warehouse" {
  cluster_identifier = "${local.prefix}-warehouse"
  engine             = "aurora-postgresql"
  engine_mode        = "provisioned"
  engine_version     = var.warehouse.engine_version
  database_name      = "afterbell"
  master_username    = "afterbell"

  # RDS makes the password, keeps it in Secrets Manager and changes it; Terraform never sees it.
  manage_master_user_password = true
  enable_http_endpoint        = true

  db_subnet_group_name   = aws_db_subnet_group.warehouse.name
  vpc_security_group_ids = [aws_security_group.warehouse.id]

  serverlessv2_scaling_configuration {
    min_capacity             = 0
    max_capacity             = var.warehouse.max_capacity
    seconds_until_auto_pause = var.warehouse.auto_pause_seconds
  }

  storage_encrypted         = true
  backup_retention_period   = var.warehouse.backup_days
  copy_tags_to_snapshot     = true
  deletion_protection       = var.protect
  skip_final_snapshot       = !var.protect
  final_snapshot_identifier = var.protect ? "${local.prefix}-warehouse-last" : null
  apply_immediately         = true

  # Errors and slow statements; RDS would make the group without an end to its retention.
  enabled_cloudwatch_logs_exports = ["postgresql"]
  depends_on                      = [aws_cloudwatch_log_group.warehouse]
}

resource "aws_cloudwatch_log_group" "warehouse" {
  name              = "/aws/rds/cluster/${local.prefix}-warehouse/postgresql"
  retention_in_days = var.log_retention_days
}

resource "aws_rds_cluster_instance" "warehouse" {
  identifier           = "${local.prefix}-warehouse-1"
  cluster_identifier   = aws_rds_cluster.warehouse.id
  engine               = aws_rds_cluster.warehouse.engine
  instance_class       = "db.serverless"
  db_subnet_group_name = aws_db_subnet_group.warehouse.name
  publicly_accessible  = false
  apply_immediately    = true
  # With a major version AWS keeps the newest minor one, which the next apply leaves alone; a full version is not upgraded
  # behind its back, or the next apply would want to go back to it.
  auto_minor_version_upgrade = !strcontains(var.warehouse.engine_version, ".")
}

# The nights' own user, who reads and writes rows. prepare-warehouse makes it after the migrations, which are the owner's, and
# puts its password here; Terraform sees neither.
resource "aws_secretsmanager_secret" "night_user" {
  name                    = "${local.prefix}/warehouse"
  description             = "User of the nights in PostgreSQL, made and kept by ${local.prefix}-prepare-warehouse"
  recovery_window_in_days = var.protect ? 30 : 0
}

locals {
  owner_secret_arn = one(aws_rds_cluster.warehouse.master_user_secret[*].secret_arn)

  # What prepare-warehouse is told and no other function: the owner's secret, to sign with, and the user's, to keep.
  environment_of = {
    prepare-warehouse = {
      DATABASE_SECRET_ARN      = local.owner_secret_arn
      DATABASE_USER_SECRET_ARN = aws_secretsmanager_secret.night_user.arn
    }
  }
}
