import { beforeAll, expect, test } from 'vitest';
import { SETTINGS } from '../../src/config.ts';
import { afterbell, type Said } from '../nights/command.ts';
import { scratch } from '../nights/scene.ts';
import flags from './flags.json';
import rows from './settings.json';

const secrets = new Set(
  (SETTINGS as readonly { name: string; secret?: boolean }[]).filter(({ secret }) => secret).map(({ name }) => name),
);
/** All problems stand in one message, so one command refuses a value of every setting at once. */
const rounds: { env: Record<string, string>; said: Said }[] = [];
const roundOf = new Map<(typeof rows)[number], number>();

beforeAll(async () => {
  const envs: Record<string, string>[] = [];
  for (const row of rows) {
    const free = envs.findIndex((env) => !(row.setting in env));
    const round = free < 0 ? envs.push({}) - 1 : free;
    envs[round]![row.setting] = row.value;
    roundOf.set(row, round);
  }
  for (const env of envs)
    rounds.push({ env, said: await afterbell(['status'], { AFTERBELL_HOME: scratch(), ...env }) });
});

test.each(rows)('$setting=$value is refused by its name', (row) => {
  const { code, stdout, stderr } = rounds[roundOf.get(row)!]!.said;
  expect([code, stdout]).toEqual([2, '']);
  const shown = secrets.has(row.setting)
    ? '(a secret, not shown)'
    : JSON.stringify(row.value).replace('\u202e', '\ufffd');
  expect(stderr).toContain(`${row.setting}: found ${shown}, wanted `);
});

test('every setting with a number, a date, an address or an enumeration has a row', () => {
  const free =
    /_KEY$|_KEY_ID$|_SECRET$|_ARN$|^AFTERBELL_HOME$|_MODEL$|_URI$|^STAGE$|^RUN_ID$|_NAME$|_ID$|_DIR$|_TABLE$|^JOB_SYMBOLS$/;
  const covered = new Set(rows.map(({ setting }) => setting));
  expect(SETTINGS.map(({ name }) => name as string).filter((name) => !covered.has(name) && !free.test(name))).toEqual(
    [],
  );
});

test.each(flags)('$args ends with 2 and names what is wrong', async ({ args, expected }) => {
  const said = await afterbell(args, { AFTERBELL_HOME: scratch() });
  expect([said.code, said.stderr]).toEqual([2, expect.stringContaining(expected)]);
  expect(said.stderr).not.toMatch(/\n {4,}at /);
});
