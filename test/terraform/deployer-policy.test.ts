import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './tooling.ts';

interface Statement {
  Sid: string;
  Effect: string;
  Action: string[];
  Resource: string | string[];
  Condition?: object;
}

const text = readFileSync(join(root, 'terraform/deployer-policy.json'), 'utf8');
const { Statement: statements } = JSON.parse(text) as { Statement: Statement[] };

/** What makes a resource of each type, and what takes it away; the rehearsal tries what Terraform asks for besides. */
const NEEDS: Record<string, string> = {
  aws_athena_named_query: 'athena:CreateNamedQuery athena:GetNamedQuery athena:DeleteNamedQuery',
  aws_athena_workgroup: 'athena:CreateWorkGroup athena:UpdateWorkGroup athena:DeleteWorkGroup',
  aws_batch_compute_environment: 'batch:CreateComputeEnvironment batch:DeleteComputeEnvironment iam:PassRole',
  aws_batch_job_definition: 'batch:RegisterJobDefinition batch:DeregisterJobDefinition iam:PassRole',
  aws_batch_job_queue: 'batch:CreateJobQueue batch:DeleteJobQueue',
  aws_budgets_budget: 'budgets:ModifyBudget budgets:ViewBudget',
  aws_cloudwatch_dashboard: 'cloudwatch:PutDashboard cloudwatch:DeleteDashboards',
  aws_cloudwatch_event_bus: 'events:CreateEventBus events:DeleteEventBus',
  aws_cloudwatch_event_rule: 'events:PutRule events:DeleteRule',
  aws_cloudwatch_event_target: 'events:PutTargets events:RemoveTargets iam:PassRole',
  aws_cloudwatch_log_group: 'logs:CreateLogGroup logs:PutRetentionPolicy logs:DeleteLogGroup',
  aws_cloudwatch_log_resource_policy: 'logs:PutResourcePolicy logs:DeleteResourcePolicy',
  aws_cloudwatch_metric_alarm: 'cloudwatch:PutMetricAlarm cloudwatch:DeleteAlarms',
  aws_db_subnet_group: 'rds:CreateDBSubnetGroup rds:DeleteDBSubnetGroup',
  aws_default_security_group: 'ec2:RevokeSecurityGroupIngress ec2:RevokeSecurityGroupEgress',
  aws_dynamodb_table: 'dynamodb:CreateTable dynamodb:UpdateContinuousBackups dynamodb:DeleteTable',
  aws_ecr_lifecycle_policy: 'ecr:PutLifecyclePolicy ecr:DeleteLifecyclePolicy',
  aws_ecr_repository: 'ecr:CreateRepository ecr:PutImage ecr:DeleteRepository',
  aws_eip: 'ec2:AllocateAddress ec2:ReleaseAddress',
  aws_glue_catalog_database: 'glue:CreateDatabase glue:GetDatabase glue:DeleteDatabase',
  aws_glue_catalog_table: 'glue:CreateTable glue:UpdateTable glue:GetPartitionIndexes glue:DeleteTable',
  aws_iam_role: 'iam:CreateRole iam:TagRole iam:DeleteRole',
  aws_iam_role_policy: 'iam:PutRolePolicy iam:GetRolePolicy iam:DeleteRolePolicy',
  aws_internet_gateway: 'ec2:CreateInternetGateway ec2:AttachInternetGateway ec2:DeleteInternetGateway',
  aws_lambda_function: 'lambda:CreateFunction lambda:UpdateFunctionCode lambda:DeleteFunction iam:PassRole',
  aws_nat_gateway: 'ec2:CreateNatGateway ec2:DeleteNatGateway',
  aws_rds_cluster: 'rds:CreateDBCluster rds:DeleteDBCluster secretsmanager:CreateSecret kms:DescribeKey',
  aws_rds_cluster_instance: 'rds:CreateDBInstance rds:DeleteDBInstance',
  aws_route_table: 'ec2:CreateRouteTable ec2:CreateRoute ec2:DeleteRouteTable',
  aws_route_table_association: 'ec2:AssociateRouteTable ec2:DisassociateRouteTable',
  aws_s3_bucket: 's3:CreateBucket s3:ListBucketVersions s3:DeleteObjectVersion s3:DeleteBucket',
  aws_s3_bucket_lifecycle_configuration: 's3:PutLifecycleConfiguration s3:GetLifecycleConfiguration',
  aws_s3_bucket_ownership_controls: 's3:PutBucketOwnershipControls s3:GetBucketOwnershipControls',
  aws_s3_bucket_policy: 's3:PutBucketPolicy s3:DeleteBucketPolicy',
  aws_s3_bucket_public_access_block: 's3:PutBucketPublicAccessBlock s3:GetBucketPublicAccessBlock',
  aws_s3_bucket_server_side_encryption_configuration: 's3:PutEncryptionConfiguration s3:GetEncryptionConfiguration',
  aws_s3_bucket_versioning: 's3:PutBucketVersioning s3:GetBucketVersioning',
  aws_s3_object: 's3:PutObject s3:GetObject s3:DeleteObject',
  aws_scheduler_schedule: 'scheduler:CreateSchedule scheduler:UpdateSchedule scheduler:DeleteSchedule iam:PassRole',
  aws_secretsmanager_secret: 'secretsmanager:CreateSecret secretsmanager:DeleteSecret',
  aws_security_group: 'ec2:CreateSecurityGroup ec2:DeleteSecurityGroup',
  aws_sfn_state_machine: 'states:CreateStateMachine states:UpdateStateMachine states:DeleteStateMachine iam:PassRole',
  aws_sns_topic: 'sns:CreateTopic sns:DeleteTopic',
  aws_sns_topic_policy: 'sns:SetTopicAttributes',
  aws_sns_topic_subscription: 'sns:Subscribe sns:Unsubscribe',
  aws_sqs_queue: 'sqs:CreateQueue sqs:DeleteQueue',
  aws_sqs_queue_policy: 'sqs:SetQueueAttributes',
  aws_subnet: 'ec2:CreateSubnet ec2:DeleteSubnet',
  aws_vpc: 'ec2:CreateVpc ec2:ModifyVpcAttribute ec2:DeleteVpc',
  aws_vpc_endpoint: 'ec2:CreateVpcEndpoint ec2:DeleteVpcEndpoints',
  aws_vpc_security_group_egress_rule: 'ec2:AuthorizeSecurityGroupEgress ec2:RevokeSecurityGroupEgress',
  aws_vpc_security_group_ingress_rule: 'ec2:AuthorizeSecurityGroupIngress ec2:RevokeSecurityGroupIngress',
};

/** `*` stands for any number of characters, as IAM reads it. */
function matches(pattern: string, action: string): boolean {
  return new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(action);
}

function typesIn(folder: string): string[] {
  return (
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      // An administrator applies github/, with rights of his own.
      .filter((name) => name.endsWith('.tf') && !name.startsWith('github/'))
      .flatMap((name) => [...readFileSync(join(root, folder, name), 'utf8').matchAll(/^resource "(\w+)"/gm)])
      .map(([, type]) => type!)
  );
}

test('the deployer may make and take away every type of resource that Terraform has', () => {
  const types = [...new Set(typesIn('terraform'))].sort();
  expect(types).toEqual(Object.keys(NEEDS).sort());
  const allowed = statements.flatMap(({ Action }) => Action);
  const missing = Object.values(NEEDS)
    .flatMap((actions) => actions.split(' '))
    .filter((action) => !allowed.some((pattern) => matches(pattern, action)));
  expect([...new Set(missing)]).toEqual([]);
});

test('the policy fits into one managed policy, and names what it may change wherever AWS lets it', () => {
  expect(JSON.stringify(JSON.parse(text)).length).toBeLessThanOrEqual(6144);
  expect(statements.every(({ Effect }) => Effect === 'Allow')).toBe(true);
  const patterns = statements.flatMap(({ Action }) => Action);
  expect(patterns.filter((action) => /^\*|:\*$/.test(action))).toEqual([]);
  // No name: reading, the account's log policy, a subscription's end, and networks, which have no names.
  const anywhere = statements.filter(({ Resource, Condition }) => Resource === '*' && !Condition);
  expect(anywhere.map(({ Sid }) => Sid)).toEqual(['Look', 'Network']);
  const named = statements.filter(({ Resource }) => Resource !== '*').flatMap(({ Resource }) => Resource);
  expect(named.filter((arn) => !/afterbell[-_]|:default\*$|:catalog$|aws-service-role|rds!cluster-/.test(arn))).toEqual(
    [],
  );
  expect(patterns.filter((action) => /secretsmanager:Get(?!ResourcePolicy)/.test(action))).toEqual([]);
});
