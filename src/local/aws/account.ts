/** The account and region of a laptop's ARNs; twelve zeros belong to nobody. */
export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';
