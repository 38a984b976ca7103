import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { dataApiRoutes } from '../../src/local/aws/data-api.ts';
import type { Routes } from '../../src/local/aws/protocol.ts';
import type { SqlBackend } from '../../src/local/aws/sql.ts';
import { NIGHT_USER } from '../../src/warehouse/night-user.ts';

/**
 * The Data API as it tells users apart: a statement runs with the rights of the user in the secret that it is signed with.
 * Whoever is not the nights' user is the owner. Transactions are a person's, at the command line.
 */
export function sqlByUser(owner: SqlBackend, client: object): Routes {
  const secrets = new SecretsManagerClient(client);
  const users = new Map<string, Promise<boolean>>();
  const isNightUser = (SecretId: string) => {
    const known = users.get(SecretId) ?? hasNightUser(secrets, SecretId);
    users.set(SecretId, known);
    return known;
  };
  const asOwner = dataApiRoutes(owner);
  const asUser = dataApiRoutes({
    ...owner,
    async query(text, values) {
      const session = await owner.session();
      try {
        await session.query(`SET ROLE ${NIGHT_USER}`, []);
        return await session.query(text, values);
      } finally {
        await session.close();
      }
    },
  });
  return {
    ...asOwner,
    'POST /Execute': async (body) => {
      const { secretArn, transactionId } = JSON.parse(body) as { secretArn: string; transactionId?: string };
      const routes = transactionId === undefined && (await isNightUser(secretArn)) ? asUser : asOwner;
      return routes['POST /Execute']!(body);
    },
  };
}

async function hasNightUser(secrets: SecretsManagerClient, SecretId: string): Promise<boolean> {
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId }));
  return JSON.parse(SecretString!).username === NIGHT_USER;
}
