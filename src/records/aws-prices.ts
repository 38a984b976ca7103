/**
 * List prices without free tier, in USD, for what a stage uses, as they were known in the month they are of; `source`
 * has today's. A night in another region, or in another year, costs something else.
 */
export const AWS_PRICES = {
  region: 'us-east-1',
  asOf: '2026-11',
  source:
    'aws.amazon.com, the /pricing page of step-functions, lambda, fargate, vpc, s3, rds/aurora, dynamodb, secrets-manager, cloudwatch and ecr',
  usd: {
    transition: 0.025 / 1_000,
    /** Arm. */
    functionGbSecond: 0.0000133334,
    functionCall: 0.2 / 1_000_000,
    /** Fargate on Arm. */
    jobVcpuSecond: 0.03238 / 3600,
    jobGbSecond: 0.00356 / 3600,
    /** The address a job has while it runs. */
    publicAddressSecond: 0.005 / 3600,
    s3Write: 0.005 / 1_000,
    s3Read: 0.0004 / 1_000,
    s3GbMonth: 0.023,
    acuSecond: 0.12 / 3600,
    auroraGbMonth: 0.1,
    auroraRequest: 0.2 / 1_000_000,
    tableWrite: 0.625 / 1_000_000,
    tableRead: 0.125 / 1_000_000,
    /** Point-in-time recovery included. */
    tableGbMonth: 0.45,
    secretMonth: 0.4,
    metricMonth: 0.3,
    /** One of more than 50 metrics; three smaller ones are free. */
    dashboardMonth: 3,
    alarmMonth: 0.1,
    logGb: 0.5,
    imageGbMonth: 0.1,
  },
} as const;
