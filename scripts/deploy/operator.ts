import type { Environment } from './environment.ts';
import { partitionOf } from './state.ts';
import type { Tools } from './tools.ts';

/**
 * What the last step of a practice stage, a night and its status, needs beyond the deployer's policy. Each right is
 * asked for on something that cannot be there, so nothing is started: whoever has the right hears that it is missing.
 */
export async function operatorProblems(
  tools: Tools,
  { stage, region }: Environment,
  account: string,
): Promise<string[]> {
  const name = `afterbell-${stage}-preflight`;
  const states = `arn:${partitionOf(region)}:states:${region}:${account}`;
  const execution = ['--execution-arn', `${states}:execution:${name}:none`];
  const asked: [right: string, args: string[]][] = [
    [
      'states:StartExecution',
      ['stepfunctions', 'start-execution', '--state-machine-arn', `${states}:stateMachine:${name}`],
    ],
    ['states:DescribeExecution', ['stepfunctions', 'describe-execution', ...execution]],
    ['states:GetExecutionHistory', ['stepfunctions', 'get-execution-history', ...execution]],
    ['dynamodb:Scan', ['dynamodb', 'scan', '--table-name', name, '--max-items', '1']],
  ];
  const missing: string[] = [];
  for (const [right, args] of asked) {
    const { stderr } = await tools.ask('aws', [...args, '--region', region]);
    if (/AccessDenied|not authorized/.test(stderr)) missing.push(right);
  }
  if (missing.length === 0) return [];
  return [
    `PRACTICE=1 ends with a night and its status, for which these credentials lack ${missing.join(', ')}: attach terraform/operator-policy.json (docs/deploy.md, Who may operate)`,
  ];
}
