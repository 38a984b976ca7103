import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetSecretValueCommand, ListSecretsCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { unzip } from '../terraform/unzip.ts';
import type { Cloud } from './cloud.ts';
import type { EmulatedStage } from './stack.ts';

/** Every value that lies in the account's secrets, and where else it stands in clear text. */
export async function findSecrets(cloud: Cloud, { terraform }: EmulatedStage) {
  const values = await secretValues(cloud.operator);
  const folder = terraform.folder;
  const states = readdirSync(folder).filter((name) => name.startsWith('terraform.tfstate'));
  const texts: Record<string, string> = {
    ...Object.fromEntries(states.map((name) => [name, readFileSync(join(folder, name), 'utf8')])),
    ...Object.fromEntries(readdirSync(terraform.zips).map((name) => [name, unpacked(join(terraform.zips, name))])),
    ...cloud.texts(),
  };
  const found = Object.entries(texts).flatMap(([place, text]) =>
    values.filter((value) => text.includes(value)).map((value) => `${value} in ${place}`),
  );
  return { values, places: Object.keys(texts), found };
}

/** Vendor keys and the warehouse's password; its user's name, host and port are no secret. */
async function secretValues(client: object): Promise<string[]> {
  const secrets = new SecretsManagerClient(client);
  const { SecretList = [] } = await secrets.send(new ListSecretsCommand({ MaxResults: 100 }));
  const values = await Promise.all(
    SecretList.map(async ({ ARN }) => {
      const { SecretString = '{}' } = await secrets.send(new GetSecretValueCommand({ SecretId: ARN }));
      const { password, ...rest } = JSON.parse(SecretString) as Record<string, string>;
      return password === undefined ? Object.values(rest) : [password];
    }),
  );
  return values.flat();
}

function unpacked(zip: string): string {
  return unzip(readFileSync(zip))
    .map(({ content }) => content.toString())
    .join('\n');
}
