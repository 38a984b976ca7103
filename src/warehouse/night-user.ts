import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { statements, type Warehouse } from './client.ts';
import grants from './night-user.sql';

/** Who sends SQL on AWS, but for the migrations: reads and writes rows, and owns nothing. */
export const NIGHT_USER = 'afterbell_nights';

/** Where the user's name and password are kept for the Data API; undefined until they are put there. */
export interface UserSecret {
  read(): Promise<string | undefined>;
  write(value: string): Promise<void>;
}

const Credentials = z.object({ username: z.literal(NIGHT_USER), password: z.string().min(20) });

/**
 * Makes the user if it is missing, and gives it its rights on the tables there are now. The password is made here and kept
 * in the secret alone: the database is sent what it would store of it, so no log of statements can show it.
 */
export async function prepareNightUser(warehouse: Warehouse, secret: UserSecret): Promise<void> {
  const kept = passwordIn(await secret.read());
  const password = kept ?? randomBytes(24).toString('base64url');
  const [role] = await warehouse.query('SELECT rolname FROM pg_roles WHERE rolname = :name', { name: NIGHT_USER });
  if (!role || kept === undefined) {
    const verb = role ? 'ALTER' : 'CREATE';
    // The Data API takes what follows a colon for a parameter.
    const verifier = scramVerifier(password, randomBytes(16)).replaceAll(':', '\\x3a');
    await warehouse.query(`${verb} ROLE ${NIGHT_USER} LOGIN PASSWORD E'${verifier}'`);
  }
  // After the database knows it: one that is killed in between makes a new one the next time.
  if (kept === undefined) await secret.write(JSON.stringify({ username: NIGHT_USER, password }));
  for (const statement of statements(grants)) await warehouse.query(statement);
}

function passwordIn(value: string | undefined): string | undefined {
  try {
    return Credentials.parse(JSON.parse(value ?? '')).password;
  } catch {
    return undefined;
  }
}

const ITERATIONS = 4096;

/** What PostgreSQL stores of a password for SCRAM-SHA-256 (RFC 5802), and takes as well in its place. */
export function scramVerifier(password: string, salt: Uint8Array): string {
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const keyed = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(keyed('Client Key')).digest('base64');
  const server = keyed('Server Key').toString('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${Buffer.from(salt).toString('base64')}$${stored}:${server}`;
}

/** A secret of Secrets Manager; a new one has no value yet. */
export function secretOf(SecretId: string, client = new SecretsManagerClient({})): UserSecret {
  return {
    async read() {
      try {
        return (await client.send(new GetSecretValueCommand({ SecretId }))).SecretString;
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return undefined;
        throw error;
      }
    },
    write: async (SecretString) => void (await client.send(new PutSecretValueCommand({ SecretId, SecretString }))),
  };
}
