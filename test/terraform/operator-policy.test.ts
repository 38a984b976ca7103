import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './tooling.ts';

interface Statement {
  Sid: string;
  Effect: string;
  Action: string[];
  Resource: string | string[];
}

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const text = read('terraform/operator-policy.json');
const { Statement: statements } = JSON.parse(text) as { Statement: Statement[] };
const allowed = statements.flatMap(({ Action }) => Action);

/** What a command with --stage calls itself; what only functions call is not the operator's. */
const FILES = {
  'src/deployed/stage.ts': ['lambda', 'states', 'batch'],
  'src/deployed/log-events.ts': ['logs'],
  'src/warehouse/client.ts': ['rds-data'],
  'src/lake/s3-lake.ts': ['s3'],
  'src/tables/batch.ts': ['dynamodb'],
  'src/tables/runs.ts': ['dynamodb'],
  'src/tables/reference-table.ts': ['dynamodb'],
};
/** Where a command of an SDK is not called as its action is. */
const ACTIONS: Readonly<Record<string, string>> = {
  BatchGet: 'BatchGetItem',
  BatchWrite: 'BatchWriteItem',
  Delete: 'DeleteItem',
  Get: 'GetItem',
  Put: 'PutItem',
  Update: 'UpdateItem',
  DeleteObjects: 'DeleteObject',
  HeadObject: 'GetObject',
  ListObjectsV2: 'ListBucket',
};

test('the operator may do what commands with --stage call', () => {
  const called = Object.entries(FILES).flatMap(([path, services]) =>
    [...read(path).matchAll(/new ([A-Z]\w+?)Command\(|paginate([A-Z]\w+)\(/g)].map(([, sent, paged]) => {
      const name = sent ?? paged!;
      return { path, any: services.map((service) => `${service}:${ACTIONS[name] ?? name}`) };
    }),
  );
  expect(called.length).toBeGreaterThan(15);
  expect(called.filter(({ any }) => !any.some((action) => allowed.includes(action)))).toEqual([]);
});

test('the operator may do what a practice stage’s first night needs, and cannot create or change resources', () => {
  const asked = [...read('scripts/deploy/operator.ts').matchAll(/'((?:states|dynamodb):\w+)'/g)].map(
    ([, name]) => name,
  );
  expect(asked.length).toBeGreaterThan(3);
  expect(asked.filter((action) => !allowed.includes(action!))).toEqual([]);
  expect(allowed.filter((action) => /\*|^iam:|:(Create|Update(?!Item)|Put(?!Item|Object))/.test(action))).toEqual([]);
});

test('the policy fits into one managed policy, and only what AWS lets nobody name has no name', () => {
  expect(JSON.stringify(JSON.parse(text)).length).toBeLessThanOrEqual(6144);
  expect(statements.filter(({ Resource }) => Resource === '*').map(({ Sid }) => Sid)).toEqual(['Look']);
  const named = statements.flatMap(({ Resource }) => (Resource === '*' ? [] : Resource));
  // A job has a number for a name.
  expect(named.filter((arn) => !/afterbell-|:job\/\*$/.test(arn))).toEqual([]);
});
