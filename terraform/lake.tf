locals {
  lake_bucket = coalesce(var.lake_bucket, "${local.prefix}-lake-${local.account}")
}

resource "aws_s3_bucket" "lake" {
  bucket        = local.lake_bucket
  force_destroy = !var.protect
}

resource "aws_s3_bucket_versioning" "lake" {
  bucket = aws_s3_bucket.lake.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "lake" {
  bucket                  = aws_s3_bucket.lake.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "lake" {
  bucket = aws_s3_bucket.lake.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "lake" {
  bucket = aws_s3_bucket.lake.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "lake" {
  bucket = aws_s3_bucket.lake.id

  # A rule needs its bucket versioned first, or its noncurrent half is refused.
  depends_on = [aws_s3_bucket_versioning.lake]

  rule {
    id     = "replaced-versions"
    status = "Enabled"
    filter {
      prefix = ""
    }

    noncurrent_version_expiration {
      noncurrent_days = var.lake_noncurrent_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

data "aws_iam_policy_document" "tls_only" {
  for_each = { lake = aws_s3_bucket.lake.arn, code = aws_s3_bucket.code.arn, results = aws_s3_bucket.results.arn }

  statement {
    sid    = "TlsOnly"
    effect = "Deny"
    # *: a refusal is for everything that can be done without TLS.
    actions = ["s3:*"]
    # *: and to every key.
    resources = [each.value, "${each.value}/*"]

    principals {
      type = "*"
      # *: and for everybody.
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "lake" {
  bucket = aws_s3_bucket.lake.id
  policy = data.aws_iam_policy_document.tls_only["lake"].json

  # Both write the bucket's policy settings; at the same time one of them fails.
  depends_on = [aws_s3_bucket_public_access_block.lake]
}

# What every function and job may do.
data "aws_iam_policy_document" "read_lake" {
  # Whole buckets are listed: without that permission S3 answers 403 for a key that is absent, not 404.
  statement {
    sid       = "ListLake"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.lake.arn]
  }

  statement {
    sid     = "ReadLake"
    actions = ["s3:GetObject"]
    # *: every key of the lake, whose parts any step compares.
    resources = ["${aws_s3_bucket.lake.arn}/*"]
  }
}
