import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../src/warehouse/client.ts';
import { NIGHT_USER, prepareNightUser, scramVerifier, type UserSecret } from '../../src/warehouse/night-user.ts';
import { type LocalWarehouse, openLocalWarehouse } from './local-warehouse.ts';

let warehouse: LocalWarehouse;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
  await migrate(warehouse);
});
afterAll(() => warehouse.close());

function kept(value?: string): UserSecret & { value?: string } {
  const secret: UserSecret & { value?: string } = {
    ...(value === undefined ? {} : { value }),
    read: async () => secret.value,
    write: async (written) => {
      secret.value = written;
    },
  };
  return secret;
}

const stored = async () =>
  String((await warehouse.query(`SELECT rolpassword AS it FROM pg_authid WHERE rolname = '${NIGHT_USER}'`))[0]?.it);

/** Whether the database would let the user of this secret in. */
async function fits(secret: { value?: string }): Promise<boolean> {
  const verifier = await stored();
  return scramVerifier(JSON.parse(secret.value!).password, saltOf(verifier)) === verifier;
}

function saltOf(verifier: string): Buffer {
  return Buffer.from(/^SCRAM-SHA-256\$4096:([^$]+)\$/.exec(verifier)![1]!, 'base64');
}

test('the verifier is what PostgreSQL makes of the same password and salt', async () => {
  await warehouse.query(`CREATE ROLE somebody PASSWORD 'correct horse'`);
  const [row] = await warehouse.query(`SELECT rolpassword AS it FROM pg_authid WHERE rolname = 'somebody'`);
  expect(scramVerifier('correct horse', saltOf(String(row!.it)))).toBe(row!.it);
});

test('the first night makes the user and keeps its password, which no statement holds; later ones change neither', async () => {
  const secret = kept();
  await prepareNightUser(warehouse, secret);
  const { username, password } = JSON.parse(secret.value!);
  expect(username).toBe(NIGHT_USER);
  expect(password.length).toBeGreaterThan(30);
  expect(await fits(secret)).toBe(true);
  expect(warehouse.sent.filter(({ sql }) => sql.includes(password))).toEqual([]);
  const [before, verifier] = [secret.value, await stored()];
  await prepareNightUser(warehouse, secret);
  expect([secret.value, await stored()]).toEqual([before, verifier]);
});

test('a secret that was lost gets a new password, and a user that was lost gets the one that is kept', async () => {
  await prepareNightUser(warehouse, kept());
  const old = await stored();
  const secret = kept();
  await prepareNightUser(warehouse, secret);
  expect(await stored()).not.toBe(old);
  expect(await fits(secret)).toBe(true);
  await warehouse.query(`DROP OWNED BY ${NIGHT_USER}`);
  await warehouse.query(`DROP ROLE ${NIGHT_USER}`);
  const before = secret.value;
  await prepareNightUser(warehouse, secret);
  expect(secret.value).toBe(before);
  expect(await fits(secret)).toBe(true);
});

test('the user may read and write every row, and neither make, change nor drop a table nor say what is migrated', async () => {
  await prepareNightUser(warehouse, kept());
  const may = async (what: string) => (await warehouse.query(`SELECT ${what} AS it`))[0]!.it;
  const tables = await warehouse.query(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`,
  );
  expect(tables.length).toBeGreaterThan(8);
  for (const { name } of tables) {
    const rights = await may(`has_table_privilege('${NIGHT_USER}', '${name}', 'INSERT')
      AND has_table_privilege('${NIGHT_USER}', '${name}', 'UPDATE') AND has_table_privilege('${NIGHT_USER}', '${name}', 'DELETE')`);
    expect(rights, String(name)).toBe(name !== 'schema_migrations');
    expect(await may(`has_table_privilege('${NIGHT_USER}', '${name}', 'TRUNCATE, REFERENCES, TRIGGER')`)).toBe(false);
  }
  expect(await may(`has_schema_privilege('${NIGHT_USER}', 'public', 'CREATE')`)).toBe(false);
  const [role] = await warehouse.query(
    `SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls AS it FROM pg_roles WHERE rolname = '${NIGHT_USER}'`,
  );
  expect(role!.it).toBe(false);
});
