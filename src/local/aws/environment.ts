/**
 * The AWS half of a child's environment: dummy keys, a region and a loopback endpoint for every service.
 * The two files named absent keep the user's own profiles and credentials from reaching a child.
 */
export function awsEnvironment(endpoints: { aws: string; dynamodb: string }): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_REGION: REGION,
    AWS_ACCOUNT_ID: ACCOUNT,
    AWS_ENDPOINT_URL: endpoints.aws,
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** The account and region of a laptop's ARNs; twelve zeros belong to nobody. */
export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';
