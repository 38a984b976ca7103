import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { HANGS_MS } from '../limits.ts';
import { installPython } from '../python.ts';
import { openShell } from '../rehearsal/aws-cli.ts';
import { type Emulator, startEmulator } from '../rehearsal/emulator.ts';
import { IMAGES, PROVIDER, pushManifest } from '../rehearsal/stack.ts';
import { openTerraform, root, skipped, type Terraform } from '../terraform/tooling.ts';

const run = promisify(execFile);
const VERSION = '3.3.30';
const CONFIG = join(root, 'terraform/.checkov.yaml');

interface Finding {
  check_id: string;
  check_name: string;
  resource: string;
}

let emulator: Emulator | undefined;
let terraform: Terraform | undefined;
let checkov: string | undefined;
let plan = '';

/** The plan of production, which an emulated account answers for. */
beforeAll(async () => {
  checkov = await checkovProgram();
  if (!checkov) return skipped('the scan, checkov is not here and cannot be installed');
  emulator = await startEmulator();
  if (!emulator) return skipped('the scan, there is no Python with moto and its server');
  const opened = await openTerraform({ override: PROVIDER, env: emulator.env });
  if (!opened.terraform) return skipped(`the scan, ${opened.why}`);
  terraform = opened.terraform;
  const shell = await openShell(emulator.env);
  for (const image of IMAGES) {
    await shell(`aws ecr create-repository --region us-east-1 --repository-name afterbell-prod-${image}`);
    await pushManifest(emulator.url, `afterbell-prod-${image}`);
  }
  const planned = await terraform.run([
    ...['plan', '-no-color', '-input=false', '-out=scan.plan', '-var-file=environments/prod.tfvars'],
    '-var=notify_emails=["you@example.com"]',
  ]);
  expect(planned.code, planned.output).toBe(0);
  const shown = await terraform.run(['show', '-json', 'scan.plan']);
  plan = join(terraform.folder, 'scan.json');
  writeFileSync(plan, shown.output);
}, HANGS_MS);

afterAll(async () => {
  terraform?.close();
  await emulator?.close();
});

/** What fails, whatever is accepted. */
async function findings(...options: string[]): Promise<Finding[]> {
  const args = ['-f', plan, '--framework', 'terraform_plan', '--output', 'json', '--quiet', '--compact', '--soft-fail'];
  const offline = ['--skip-download', '--download-external-modules', 'false'];
  const { stdout } = await run(checkov!, [...args, ...offline, ...options], { maxBuffer: 64 * 1024 * 1024 });
  const read = JSON.parse(stdout) as { results?: { failed_checks: Finding[] } };
  return read.results?.failed_checks ?? [];
}

test(
  'checkov finds nothing in the plan of production but what is accepted, and everything accepted is still there',
  async ({ skip }) => {
    if (!plan) return skip();
    const left = await findings('--config-file', CONFIG);
    expect(left.map(({ check_id, check_name, resource }) => `${check_id} ${resource}: ${check_name}`)).toEqual([]);
    const all = await findings();
    const accepted = (parse(readFileSync(CONFIG, 'utf8')) as { 'skip-check': string[] })['skip-check'];
    expect([...accepted].sort()).toEqual([...new Set(all.map(({ check_id }) => check_id))].sort());
  },
  HANGS_MS,
);

test('everything accepted has its reason in the line above', () => {
  const lines = readFileSync(CONFIG, 'utf8').split('\n');
  const bare = lines.filter((line, index) => /^ +- /.test(line) && !/^ +# \S.{20,}/.test(lines[index - 1] ?? ''));
  expect(bare).toEqual([]);
});

/** The machine's own, or one of ours with it installed. */
async function checkovProgram(): Promise<string | undefined> {
  const found = await run('checkov', ['--version']).then(
    ({ stdout }) => stdout.includes(VERSION),
    () => false,
  );
  if (found) return 'checkov';
  const python = await installPython([`checkov==${VERSION}`]).catch(() => undefined);
  return python && join(dirname(python), 'checkov');
}
