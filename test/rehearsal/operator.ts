import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { root } from '../terraform/tooling.ts';

export interface Person {
  accessKeyId: string;
  secretAccessKey: string;
}

interface Statement {
  Action: string | string[];
  [other: string]: unknown;
}

/** Whoever looks and repairs: may do everything, in an account that asks. */
export function makeOperator(client: object): Promise<Person> {
  return makePerson(client, 'operator', [{ Effect: 'Allow', Action: '*', Resource: '*' }]);
}

/**
 * Whoever runs Terraform, by the policy of terraform/deployer-policy.json: its actions are kept to. Its resources are not,
 * for moto asks about "*" where AWS asks about a name.
 */
export function makeDeployer(client: object): Promise<Person> {
  const text = readFileSync(join(root, 'terraform/deployer-policy.json'), 'utf8');
  const statements = (JSON.parse(text) as { Statement: Statement[] }).Statement.map(({ Action }) => ({
    Effect: 'Allow',
    Action: [Action].flat().flatMap(namesInMoto),
    Resource: '*',
  }));
  return makePerson(client, 'deployer', [...statements, { Effect: 'Allow', Action: MOTO_ONLY, Resource: '*' }]);
}

/** What moto asks for and AWS does not: the first is s3:ListBucket there; the second a way around a skipped check. */
const MOTO_ONLY = ['s3:HeadBucket', 'iam:GetUser'];

/** moto's names of an action: of two services they are not those of AWS. */
function namesInMoto(action: string): string[] {
  if (action.startsWith('batch:')) return [action.toLowerCase()];
  return [action.replace(/^cloudwatch:/, 'monitoring:')];
}

async function makePerson(client: object, UserName: string, Statement: object[]): Promise<Person> {
  const iam = new IAMClient(client);
  await iam.send(new CreateUserCommand({ UserName }));
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'all', PolicyDocument }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  return { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
}
