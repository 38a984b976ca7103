import { BatchClient, DescribeJobDefinitionsCommand, DescribeJobQueuesCommand } from '@aws-sdk/client-batch';
import {
  EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  type Target,
} from '@aws-sdk/client-eventbridge';
import { LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { DescribeStateMachineCommand, ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn';
import type { EventPattern } from '../../src/local/aws/eventbridge.ts';
import { loadMachine } from '../../src/local/states/load.ts';
import type { Machine } from '../../src/local/states/machine.ts';

const PREFIX = 'afterbell-dev-';
const BUSES = ['default', 'afterbell-dev'];

interface Runnable {
  /** As its folder is named. */
  name: string;
  role: string;
  env: Record<string, string>;
}

export interface DeployedMachine {
  /** `nightly`, … */
  name: string;
  arn: string;
  role: string;
  machine: Machine;
}

export interface DeployedRule {
  /** Without the stage's prefix. */
  name: string;
  bus: string;
  pattern: EventPattern;
  targets: Target[];
}

/** What an account holds after `terraform apply`, asked of AWS and not of Terraform. */
export interface Deployed {
  machines: DeployedMachine[];
  functions: (Runnable & { arn: string; handler: string; sha256: string; timeoutSeconds: number })[];
  jobs: (Runnable & { definition: string; command: string[]; attempts: number })[];
  /** Names of job queues. */
  queues: string[];
  rules: DeployedRule[];
}

export async function readDeployed(client: object): Promise<Deployed> {
  const sfn = new SFNClient(client);
  const { stateMachines = [] } = await sfn.send(new ListStateMachinesCommand({}));
  const machines = await Promise.all(
    stateMachines.map(async ({ stateMachineArn: arn = '', name: full = '' }) => {
      const found = await sfn.send(new DescribeStateMachineCommand({ stateMachineArn: arn }));
      const machine = loadMachine(JSON.parse(found.definition!), { name: full });
      return { name: full.slice(PREFIX.length), arn, role: found.roleArn!, machine };
    }),
  );
  const { Functions = [] } = await new LambdaClient(client).send(new ListFunctionsCommand({ MaxItems: 100 }));
  const functions = Functions.map((one) => ({
    name: one.FunctionName!.slice(PREFIX.length),
    arn: one.FunctionArn!,
    role: one.Role!,
    env: one.Environment?.Variables ?? {},
    handler: one.Handler!,
    sha256: one.CodeSha256!,
    timeoutSeconds: one.Timeout!,
  }));
  const request = new DescribeJobDefinitionsCommand({ status: 'ACTIVE' });
  const batch = new BatchClient(client);
  const { jobDefinitions = [] } = await batch.send(request);
  const { jobQueues = [] } = await batch.send(new DescribeJobQueuesCommand({}));
  const queues = jobQueues.map(({ jobQueueName }) => jobQueueName!);
  const jobs = jobDefinitions.map(({ jobDefinitionName: definition = '', containerProperties, retryStrategy }) => ({
    name: definition.slice(PREFIX.length),
    definition,
    role: containerProperties!.jobRoleArn!,
    env: Object.fromEntries((containerProperties!.environment ?? []).map(({ name, value }) => [name!, value!])),
    command: containerProperties!.command ?? [],
    attempts: retryStrategy!.attempts!,
  }));
  return { machines, functions, jobs, queues, rules: await readRules(client) };
}

async function readRules(client: object): Promise<DeployedRule[]> {
  const events = new EventBridgeClient(client);
  const rules: DeployedRule[] = [];
  for (const bus of BUSES) {
    const { Rules = [] } = await events.send(new ListRulesCommand({ EventBusName: bus }));
    for (const { Name = '', EventPattern: pattern = '{}' } of Rules) {
      const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule: Name, EventBusName: bus }));
      rules.push({ name: Name.slice(PREFIX.length), bus, pattern: JSON.parse(pattern), targets: Targets });
    }
  }
  return rules;
}
