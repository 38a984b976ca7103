import { BatchClient, DescribeJobDefinitionsCommand, DescribeJobQueuesCommand } from '@aws-sdk/client-batch';
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient, ListBackupsCommand, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, ListEventBusesCommand, ListRulesCommand } from '@aws-sdk/client-eventbridge';
import { IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { ListSchedulesCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { ListSecretsCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn';
import { ListTopicsCommand, SNSClient } from '@aws-sdk/client-sns';
import type { Emulator } from './emulator.ts';

type Place = Pick<Emulator, 'client' | 'url'>;

/** Everything of the stage that the account still holds, by kind; the kinds that hold nothing are left out. */
export async function leftOf({ client, url }: Place, stage: string): Promise<Record<string, string[]>> {
  const events = new EventBridgeClient(client);
  const batch = new BatchClient(client);
  const tables = new DynamoDBClient(client);
  const kinds: Record<string, Promise<unknown>> = {
    buckets: new S3Client({ ...client, forcePathStyle: true }).send(new ListBucketsCommand({})),
    tables: tables.send(new ListTablesCommand({})),
    backups: tables.send(new ListBackupsCommand({})),
    functions: new LambdaClient(client).send(new ListFunctionsCommand({})),
    machines: new SFNClient(client).send(new ListStateMachinesCommand({})),
    roles: new IAMClient(client).send(new ListRolesCommand({})),
    secrets: new SecretsManagerClient(client).send(new ListSecretsCommand({ IncludePlannedDeletion: true })),
    logGroups: new CloudWatchLogsClient(client).send(new DescribeLogGroupsCommand({})),
    buses: events.send(new ListEventBusesCommand({})),
    rules: events.send(new ListRulesCommand({})),
    schedules: new SchedulerClient(client).send(new ListSchedulesCommand({})),
    topics: new SNSClient(client).send(new ListTopicsCommand({})),
    queues: batch.send(new DescribeJobQueuesCommand({})),
    jobs: batch.send(new DescribeJobDefinitionsCommand({ status: 'ACTIVE' })),
    repositories: json(url, client, 'ecr', 'AmazonEC2ContainerRegistry_V20150921.DescribeRepositories'),
    parameters: json(url, client, 'ssm', 'AmazonSSM.DescribeParameters'),
    databases: json(url, client, 'glue', 'AWSGlue.GetDatabases'),
    workgroups: json(url, client, 'athena', 'AmazonAthena.ListWorkGroups'),
    clusters: query(url, client, 'rds', 'DescribeDBClusters', '2014-10-31'),
    // Automated ones go with their cluster on AWS; the emulator keeps them.
    snapshots: query(url, client, 'rds', 'DescribeDBClusterSnapshots', '2014-10-31', { SnapshotType: 'manual' }),
    alarms: query(url, client, 'monitoring', 'DescribeAlarms', '2010-08-01'),
    dashboards: query(url, client, 'monitoring', 'ListDashboards', '2010-08-01'),
    networks: query(url, client, 'ec2', 'DescribeVpcs', '2016-11-15'),
  };
  const ofStage = new RegExp(`[\\w:/.-]*afterbell[-_]${stage}[\\w:/.-]*`, 'g');
  const found: [string, string[]][] = [];
  for (const [kind, answer] of Object.entries(kinds)) {
    const text = await answer.then((said) => (typeof said === 'string' ? said : JSON.stringify(said)));
    const names = [...new Set(text.match(ofStage) ?? [])];
    if (names.length > 0) found.push([kind, names]);
  }
  return Object.fromEntries(found);
}

/** For services of which the repository has no client. */
function json(url: string, client: Place['client'], service: string, target: string): Promise<string> {
  return ask(url, client, service, {
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target },
    body: '{}',
  });
}

function query(url: string, client: Place['client'], service: string, Action: string, Version: string, more = {}) {
  return ask(url, client, service, {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ Action, Version, ...more }).toString(),
  });
}

/** The emulator looks up who signed, and trusts the signature. */
async function ask(
  url: string,
  { credentials, region }: Place['client'],
  service: string,
  { headers, body }: { headers: Record<string, string>; body: string },
): Promise<string> {
  const scope = `${credentials.accessKeyId}/20260101/${region}/${service}/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`;
  const answer = await fetch(url, { method: 'POST', headers: { ...headers, authorization }, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${service}: ${text.slice(0, 300)}`);
  return text;
}
