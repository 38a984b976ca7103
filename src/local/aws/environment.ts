import type { Credentials } from './signature.ts';

/** Where a process's stand-ins for AWS are, and the key pair they take. */
export interface LoopbackAws {
  aws: string;
  dynamodb: string;
  credentials: Credentials;
}

/**
 * The AWS half of a child's environment: this run's own keys, a region and a loopback endpoint for every service.
 * The two files named absent keep the user's own profiles and credentials from reaching a child.
 */
export function awsEnvironment({ aws, dynamodb, credentials }: LoopbackAws): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: REGION,
    AWS_ACCOUNT_ID: ACCOUNT,
    AWS_ENDPOINT_URL: aws,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** The account and region of a laptop's ARNs; twelve zeros belong to nobody. */
export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';

/** For an SDK client of this process's own, or of a reader of another's. */
export function clientOptions(endpoint: string, credentials: Credentials) {
  return { endpoint, region: REGION, credentials };
}
