import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './tooling.ts';

const files = ['', 'modules/function', 'github'].flatMap((folder) =>
  readdirSync(join(root, 'terraform', folder))
    .filter((name) => name.endsWith('.tf'))
    .map((name) => join(folder, name)),
);
const read = (file: string) => readFileSync(join(root, 'terraform', file), 'utf8');
const whole = files.map(read).join('\n');

/** Lines of policy documents that end a string with a star, and whether the comment above them gives a reason. */
function stars(file: string): { line: string; reason: boolean }[] {
  const lines = read(file).split('\n');
  let inPolicy = false;
  return lines.flatMap((line, index) => {
    if (/^data "aws_iam_policy_document"/.test(line)) inPolicy = true;
    if (line === '}') inPolicy = false;
    if (!inPolicy || !/\*"/.test(line) || /^\s*type = "\*"/.test(line)) return [];
    return [{ line: `${file}:${index + 1} ${line.trim()}`, reason: /^\s*# \*: \w/.test(lines[index - 1] ?? '') }];
  });
}

test('every * in a policy has its reason in the line above', () => {
  const found = files.flatMap(stars);
  expect(found.length).toBeGreaterThan(5);
  expect(found.filter(({ reason }) => !reason).map(({ line }) => line)).toEqual([]);
});

test('nothing has a public address', () => {
  expect(whole).not.toMatch(/resource "aws_(lambda_function_url|api_gateway|apigateway|lb|elb|cloudfront)/);
  expect(whole).not.toMatch(/publicly_accessible\s*=\s*true|map_public_ip_on_launch\s*=\s*true|acl\s*=\s*"public/);
});

test('functions stay outside the VPC', () => {
  expect(whole).not.toMatch(/vpc_config/);
});

test('the only way in is from the jobs to private endpoints', () => {
  const ingress = [...whole.matchAll(/resource "aws_vpc_security_group_ingress_rule" "(\w+)"/g)].map(
    ([, name]) => name,
  );
  expect(ingress).toEqual(['endpoints']);
  expect(whole).not.toMatch(/^\s*ingress\s*[{=]/m);
});

test('Terraform sees no password and no key', () => {
  expect(whole).not.toMatch(/aws_secretsmanager_secret_version|master_password|secret_string/);
  expect(whole).not.toMatch(/variable "[^"]*(key|password|token)"/);
});

test('root variables are at most 30, all described, and validated unless they are a choice of true or false', () => {
  const variables = read('variables.tf')
    .split(/^variable /m)
    .slice(1);
  expect(variables.length).toBeLessThanOrEqual(30);
  expect(variables.filter((text) => !/description\s*= "/.test(text))).toEqual([]);
  const free = variables.filter((text) => !/validation \{/.test(text) && !/type\s*= bool/.test(text));
  expect(free.filter((text) => !/^"settings|^"tags/.test(text))).toEqual([]);
});

test('every bucket refuses what comes without TLS', () => {
  const names = (type: string) =>
    [...whole.matchAll(new RegExp(`resource "${type}" "(\\w+)"`, 'g'))].map(([, name]) => name);
  expect(names('aws_s3_bucket')).toEqual(names('aws_s3_bucket_policy'));
  for (const name of names('aws_s3_bucket'))
    expect(whole).toContain(`aws_iam_policy_document.tls_only["${name}"].json`);
});

const LOCKS = ['terraform/.terraform.lock.hcl', 'terraform/github/.terraform.lock.hcl'];
/** Archives of one version of the provider: one for each platform that it is made for, and its manifest. */
const ARCHIVES = 15;

test('the provider’s bytes are locked for every platform that it is made for', () => {
  for (const path of LOCKS) {
    const lock = readFileSync(join(root, path), 'utf8');
    expect(lock).toContain('version     = "5.100.0"');
    expect(lock.match(/"zh:[0-9a-f]{64}"/g)).toHaveLength(ARCHIVES);
    expect(lock.match(/"h1:\S{43}="/g)!.length).toBeGreaterThanOrEqual(3);
    expect(readFileSync(join(root, '.gitignore'), 'utf8')).not.toContain('.terraform.lock.hcl');
  }
});

test('no Terraform file is longer than 400 lines', () => {
  expect(files.filter((file) => read(file).split('\n').length > 400)).toEqual([]);
});
