import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';

/** As many requests at once as a job has files in flight. */
const SOCKETS = 256;
/** A cold prefix answers SlowDown for seconds; the SDK waits with jitter, up to 20 s, between attempts. */
const ATTEMPTS = 10;

/** The S3 client of a lake. */
export function openS3Client(config: S3ClientConfig = {}): S3Client {
  const agent = { keepAlive: true, maxSockets: SOCKETS };
  return new S3Client({
    maxAttempts: ATTEMPTS,
    requestHandler: { httpAgent: agent, httpsAgent: agent, connectionTimeout: 10_000, requestTimeout: 120_000 },
    ...config,
  });
}
