import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HANGS_MS } from '../limits.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where administrators put providers for machines without a way to the registry. */
const PLUGIN_FOLDERS = [
  process.env.TF_PLUGIN_DIR ?? '',
  join(homedir(), '.terraform.d/plugins'),
  '/usr/local/share/terraform/plugins',
  '/usr/share/terraform/plugins',
  ...children('/opt'),
];

export interface Terraform {
  /** A copy of terraform/ with local state, beside links to what it reads; initialised. */
  folder: string;
  /** The functions' zips that it deploys. */
  zips: string;
  env: Record<string, string | undefined>;
  run: (args: readonly string[], options?: RunOptions) => Promise<{ code: number; output: string }>;
  /** Removes the copy. */
  close: () => void;
}

export interface RunOptions {
  input?: string;
}

export interface Changes {
  /** More of terraform's own language, laid over provider and backend. */
  override?: string;
  env?: Record<string, string>;
  /** The configuration below terraform/ that is worked on instead. */
  under?: string;
}

/** Undefined when there is no terraform or no AWS provider; `why` says which. */
export async function openTerraform({
  override = '',
  env: more = {},
  under = '',
}: Changes = {}): Promise<{ terraform?: Terraform; why: string }> {
  try {
    execFileSync('terraform', ['version'], { stdio: 'ignore', env: environment('') });
  } catch {
    return { why: 'terraform is not installed' };
  }
  const home = mkdtempSync(join(tmpdir(), 'afterbell-terraform-'));
  const folder = join(home, 'terraform', under);
  cpSync(join(root, 'terraform'), join(home, 'terraform'), {
    recursive: true,
    // With the lock file: what is installed must have the bytes that it names.
    filter: (path) => !/\.terraform$/.test(path),
  });
  // A copy, for the next build may come before the last of them is read.
  cpSync(join(root, 'dist/zips'), join(home, 'dist/zips'), { recursive: true });
  for (const name of ['functions', 'batch-images', 'state-machines', 'src', '.env.example']) {
    symlinkSync(join(root, name), join(home, name));
  }
  writeFileSync(join(folder, 'copy_override.tf'), `terraform {\n  backend "local" {}\n}\n${override}`);
  const env = { ...environment(join(home, 'data')), ...more };
  const run: Terraform['run'] = (args, options) => execute(folder, env, args, options);
  const close = () => rmSync(home, { recursive: true, force: true });
  const plugins = PLUGIN_FOLDERS.find((path) => children(path).some((host) => existsSync(join(host, 'hashicorp/aws'))));
  const init = await run(['init', '-input=false', '-no-color', ...(plugins ? [`-plugin-dir=${plugins}`] : [])]);
  if (init.code !== 0) close();
  if (init.code !== 0) return { why: `terraform init failed, no AWS provider was found: ${init.output.slice(-300)}` };
  return { terraform: { folder, zips: join(home, 'dist/zips'), env, run, close }, why: '' };
}

/** A configuration file that is named and absent ends terraform; nobody's own one is wanted here. */
function environment(data: string): Record<string, string | undefined> {
  return {
    ...process.env,
    TF_CLI_CONFIG_FILE: '/dev/null',
    TF_DATA_DIR: data,
    TF_IN_AUTOMATION: '1',
    CHECKPOINT_DISABLE: '1',
  };
}

function execute(cwd: string, env: Terraform['env'], args: readonly string[], { input = '' }: RunOptions = {}) {
  return new Promise<{ code: number; output: string }>((resolve) => {
    const child = execFile(
      'terraform',
      [...args],
      { cwd, env: env as NodeJS.ProcessEnv, timeout: HANGS_MS, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) =>
        resolve({ code: error ? (typeof error.code === 'number' ? error.code : 1) : 0, output: stdout + stderr }),
    );
    child.stdin?.end(input);
  });
}

function children(path: string): string[] {
  if (path === '' || !existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(path, name));
}

/** One loud line; an error where everything has to run. */
export function skipped(why: string): void {
  if (process.env.REQUIRE_ALL === '1') throw new Error(`not skipped, as REQUIRE_ALL=1: ${why}`);
  process.stderr.write(`SKIPPED: ${why}\n`);
}
