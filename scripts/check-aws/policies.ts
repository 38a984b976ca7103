/** A policy of the stage as Terraform shows it. */
export interface StagePolicy {
  /** Terraform's address, and the field. */
  place: string;
  type: 'IDENTITY_POLICY' | 'RESOURCE_POLICY';
  document: string;
}

/** Fields of resources that hold a policy. */
const FIELDS: Readonly<Record<string, readonly [field: string, type: StagePolicy['type']][]>> = {
  aws_iam_role: [['assume_role_policy', 'RESOURCE_POLICY']],
  aws_iam_role_policy: [['policy', 'IDENTITY_POLICY']],
  aws_iam_policy: [['policy', 'IDENTITY_POLICY']],
  aws_sns_topic_policy: [['policy', 'RESOURCE_POLICY']],
  aws_sqs_queue_policy: [['policy', 'RESOURCE_POLICY']],
  aws_s3_bucket_policy: [['policy', 'RESOURCE_POLICY']],
  aws_ecr_repository_policy: [['policy', 'RESOURCE_POLICY']],
  aws_cloudwatch_log_resource_policy: [['policy_document', 'RESOURCE_POLICY']],
};

interface Module {
  resources?: { address: string; type: string; mode?: string; values?: Record<string, unknown> }[];
  child_modules?: Module[];
}

/**
 * Every policy in what `terraform show -json` says of a plan or a state. One that is known only once Terraform has
 * applied it is counted.
 */
export function policiesOf(shown: { values?: { root_module?: Module }; planned_values?: { root_module?: Module } }): {
  policies: StagePolicy[];
  unknown: string[];
} {
  const policies: StagePolicy[] = [];
  const unknown: string[] = [];
  const read = ({ resources = [], child_modules = [] }: Module): void => {
    for (const { address, type, mode = 'managed', values = {} } of resources) {
      for (const [field, kind] of mode === 'managed' ? (FIELDS[type] ?? []) : []) {
        const document = values[field];
        if (typeof document === 'string') policies.push({ place: `${address}.${field}`, type: kind, document });
        else unknown.push(`${address}.${field}`);
      }
    }
    for (const child of child_modules) read(child);
  };
  read((shown.planned_values ?? shown.values)?.root_module ?? {});
  return { policies, unknown };
}
