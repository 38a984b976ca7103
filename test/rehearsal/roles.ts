import { GetRolePolicyCommand, IAMClient, ListRolePoliciesCommand } from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: string | string[];
}

/** Roles of the deployed stage: their temporary credentials, and what their policies allow. */
export class Roles {
  readonly #statements = new Map<string, { role: string; statements: Statement[] }>();
  /** Requests that our own endpoints refused: `role action resource`. */
  readonly refused: string[] = [];

  constructor(private readonly client: object) {}

  /** A role's temporary credentials, as Lambda and Batch put them into the environment of what they run. */
  async assume(roleArn: string): Promise<Record<string, string>> {
    const role = roleArn.split('/').at(-1)!;
    const request = new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'rehearsal' });
    const { Credentials } = await new STSClient(this.client).send(request);
    const iam = new IAMClient(this.client);
    const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName: role }));
    const statements: Statement[] = [];
    for (const PolicyName of PolicyNames) {
      const { PolicyDocument = '' } = await iam.send(new GetRolePolicyCommand({ RoleName: role, PolicyName }));
      statements.push(...[JSON.parse(decodeURIComponent(PolicyDocument)).Statement].flat());
    }
    this.#statements.set(Credentials!.AccessKeyId!, { role, statements });
    return {
      AWS_ACCESS_KEY_ID: Credentials!.AccessKeyId!,
      AWS_SECRET_ACCESS_KEY: Credentials!.SecretAccessKey!,
      AWS_SESSION_TOKEN: Credentials!.SessionToken!,
    };
  }

  /** Whether the owner of these credentials may; what he may not is remembered. Conditions are not read: none of ours has one. */
  allows(accessKeyId: string, action: string, resource: string): boolean {
    const { role, statements } = this.#statements.get(accessKeyId) ?? { role: 'nobody', statements: [] };
    const fits = statements.filter(({ Action, Resource }) => covers(Action, action) && covers(Resource, resource));
    const allowed = fits.some(({ Effect }) => Effect === 'Allow') && fits.every(({ Effect }) => Effect === 'Allow');
    if (!allowed) this.refused.push(`${role} ${action} ${resource}`);
    return allowed;
  }
}

function covers(patterns: string | string[], value: string): boolean {
  return [patterns].flat().some((pattern) => {
    const source = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
    return new RegExp(`^${source.join('.*')}$`).test(value);
  });
}
