# Jobs need a way out to ECR, S3 and logs, and nothing a way in. Functions stay outside the VPC.

locals {
  zones          = slice(data.aws_availability_zones.available.names, 0, 2)
  private        = var.network_mode != "public"
  endpoint_names = var.network_mode == "endpoints" ? ["ecr.api", "ecr.dkr", "logs"] : []
}

resource "aws_vpc" "this" {
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = local.prefix }
}

# The group everything falls into that names none: emptied.
resource "aws_default_security_group" "empty" {
  vpc_id = aws_vpc.this.id
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = local.prefix }
}

resource "aws_subnet" "public" {
  for_each = { for index, zone in local.zones : zone => index }

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.vpc_cidr, 3, each.value)
  tags              = { Name = "${local.prefix}-public-${each.key}" }
}

resource "aws_subnet" "private" {
  for_each = { for index, zone in local.zones : zone => index if local.private }

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.vpc_cidr, 3, 2 + each.value)
  tags              = { Name = "${local.prefix}-private-${each.key}" }
}

# Aurora wants two zones; these have no route to anywhere.
resource "aws_subnet" "warehouse" {
  for_each = { for index, zone in local.zones : zone => index }

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.vpc_cidr, 3, 4 + each.value)
  tags              = { Name = "${local.prefix}-warehouse-${each.key}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${local.prefix}-public" }

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.this.id
  }
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table" "private" {
  count = local.private ? 1 : 0

  vpc_id = aws_vpc.this.id
  tags   = { Name = "${local.prefix}-private" }

  dynamic "route" {
    for_each = aws_nat_gateway.this

    content {
      cidr_block     = "0.0.0.0/0"
      nat_gateway_id = route.value.id
    }
  }
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private[0].id
}

resource "aws_eip" "nat" {
  count = var.network_mode == "nat" ? 1 : 0

  domain = "vpc"
  tags   = { Name = local.prefix }
}

resource "aws_nat_gateway" "this" {
  count = var.network_mode == "nat" ? 1 : 0

  allocation_id = aws_eip.nat[0].id
  subnet_id     = aws_subnet.public[local.zones[0]].id
  tags          = { Name = local.prefix }

  depends_on = [aws_internet_gateway.this]
}

# Free, and every byte of the lake passes it instead of the internet.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = concat([aws_route_table.public.id], aws_route_table.private[*].id)
}

resource "aws_vpc_endpoint" "interface" {
  for_each = toset(local.endpoint_names)

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = aws_security_group.endpoints[*].id
}

resource "aws_security_group" "jobs" {
  name        = "${local.prefix}-jobs"
  description = "Nothing in, TLS out"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_egress_rule" "jobs" {
  security_group_id = aws_security_group.jobs.id
  description       = "S3, ECR and CloudWatch, none of which has fixed addresses"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_security_group" "endpoints" {
  count = var.network_mode == "endpoints" ? 1 : 0

  name        = "${local.prefix}-endpoints"
  description = "TLS from the jobs"
  vpc_id      = aws_vpc.this.id
}

# The one way in there is: from the jobs to the endpoints, inside the VPC.
resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count = var.network_mode == "endpoints" ? 1 : 0

  security_group_id            = aws_security_group.endpoints[0].id
  referenced_security_group_id = aws_security_group.jobs.id
  description                  = "TLS from the jobs"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}
