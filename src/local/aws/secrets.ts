import * as z from 'zod';
import { AwsFault } from './fault.ts';
import { jsonRoute, type Routes } from './route.ts';

const GetSecretValue = z.strictObject({
  SecretId: z.string(),
  VersionId: z.string().optional(),
  VersionStage: z.string().optional(),
});

/** Secrets Manager GetSecretValue from a fixed map; only the current version exists. */
export function secretsRoutes(secrets: Record<string, string>): Routes {
  return {
    'secretsmanager.GetSecretValue': jsonRoute(GetSecretValue, ({ SecretId, VersionId, VersionStage }) => {
      const value = Object.hasOwn(secrets, SecretId) ? secrets[SecretId] : undefined;
      if (value === undefined || VersionId !== undefined || (VersionStage ?? 'AWSCURRENT') !== 'AWSCURRENT') {
        throw new AwsFault('ResourceNotFoundException', `Secrets Manager can't find the specified secret: ${SecretId}`);
      }
      const name = SecretId.split(':').at(-1) ?? SecretId;
      return { ARN: SecretId, Name: name, SecretString: value, VersionStages: ['AWSCURRENT'] };
    }),
  };
}
