# Holds nothing that `make build` does not make again.
resource "aws_s3_bucket" "code" {
  bucket        = "${local.prefix}-code-${local.account}"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "code" {
  bucket                  = aws_s3_bucket.code.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "code" {
  bucket = aws_s3_bucket.code.id
  policy = data.aws_iam_policy_document.tls_only["code"].json

  depends_on = [aws_s3_bucket_public_access_block.code]
}
