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
}

resource "aws_rds_cluster_instance" "warehouse" {
  identifier           = "${local.prefix}-warehouse-1"
  cluster_identifier   = aws_rds_cluster.warehouse.id
  engine               = aws_rds_cluster.warehouse.engine
  engine_version       = aws_rds_cluster.warehouse.engine_version
  instance_class       = "db.serverless"
  db_subnet_group_name = aws_db_subnet_group.warehouse.name
  publicly_accessible  = false
  apply_immediately    = true
}

locals {
  warehouse_secret_arn = one(aws_rds_cluster.warehouse.master_user_secret[*].secret_arn)
}
