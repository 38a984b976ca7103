/** The Resources the engine knows; keys of the integrations given to runMachine. */
export const LAMBDA_INVOKE = 'arn:aws:states:::lambda:invoke';
export const BATCH_SUBMIT_JOB_SYNC = 'arn:aws:states:::batch:submitJob.sync';
export const SNS_PUBLISH = 'arn:aws:states:::sns:publish';
