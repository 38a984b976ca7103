import * as z from 'zod';

const Pairs = z.array(z.strictObject({ Name: z.string().min(1), Value: z.string() }));

/** Arguments of `batch:submitJob.sync` that mean something here; Tags and resource sizes are taken and ignored. */
export const SubmitJob = z.strictObject({
  JobName: z.string().regex(/^[A-Za-z0-9][\w-]{0,127}$/, 'up to 128 letters, numbers, hyphens and underscores'),
  JobDefinition: z.string().min(1),
  JobQueue: z.string().min(1),
  ContainerOverrides: z
    .strictObject({
      Command: z.array(z.string()).optional(),
      Environment: Pairs.refine((pairs) => !pairs.some(({ Name }) => Name.startsWith('AWS_BATCH')), {
        message: 'names beginning with AWS_BATCH are reserved',
      }).optional(),
      ResourceRequirements: z.array(z.unknown()).optional(),
    })
    .optional(),
  ArrayProperties: z.strictObject({ Size: z.number().int().min(2).max(10_000) }).optional(),
  Parameters: z.record(z.string(), z.string()).optional(),
  RetryStrategy: z.strictObject({ Attempts: z.number().int().min(1).max(10) }).optional(),
  Timeout: z.strictObject({ AttemptDurationSeconds: z.number().int().min(60) }).optional(),
  Tags: z.record(z.string(), z.string()).optional(),
  PropagateTags: z.boolean().optional(),
});
export type SubmitJob = z.infer<typeof SubmitJob>;

/**
 * The definition's name out of `name`, `name:3` or its ARN
 * (`arn:aws:batch:us-east-1:000000000000:job-definition/name:3`).
 */
export function definitionName(reference: string): string {
  return (reference.split('job-definition/').at(-1) ?? reference).replace(/:\d+$/, '');
}

/** Puts `Parameters` in place of `Ref::name` words of a command. A missing one stays as it stands, as on Batch. */
export function withParameters(command: string[], parameters: Record<string, string> | undefined): string[] {
  return command.map((word) => {
    const name = /^Ref::(.+)$/.exec(word)?.[1];
    return (name !== undefined && parameters?.[name]) || word;
  });
}
