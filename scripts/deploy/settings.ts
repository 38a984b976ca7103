import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from './environment.ts';
import { NOT_INSTALLED, type Tools } from './tools.ts';

interface Diagnostic {
  severity: string;
  summary: string;
  detail: string;
  range?: { start: { line: number } };
}

/**
 * What Terraform would refuse in the tfvars, and names that it would only warn of. It plans variables.tf alone, which
 * needs no provider, no state and no account.
 */
export async function settingProblems(tools: Tools, root: string, { tfvars }: Environment): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'afterbell-tfvars-'));
  try {
    const cwd = join(folder, 'terraform');
    mkdirSync(cwd);
    copyFileSync(join(root, 'terraform/variables.tf'), join(cwd, 'variables.tf'));
    // The names that `settings` may have.
    copyFileSync(join(root, '.env.example'), join(folder, '.env.example'));
    const file = join(root, 'terraform', tfvars);
    const args = ['plan', '-json', '-input=false', '-lock=false', `-var-file=${file}`];
    const { code, stdout, stderr } = await tools.ask('terraform', args, { cwd });
    // Said already.
    if (code === NOT_INSTALLED) return [];
    const problems = stdout.split('\n').flatMap((line) => problemIn(line, `terraform/${tfvars}`));
    return code === 0 || problems.length > 0
      ? problems
      : [`terraform does not take terraform/${tfvars}: ${stderr.trim()}`];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function problemIn(line: string, file: string): string[] {
  if (!line.startsWith('{')) return [];
  const { diagnostic } = JSON.parse(line) as { diagnostic?: Diagnostic };
  if (!diagnostic) return [];
  const { severity, summary, detail, range } = diagnostic;
  const undeclared = /does not declare a variable named "([^"]+)"/.exec(detail)?.[1];
  if (undeclared)
    return [`${file}: ${undeclared} is no setting of a stage; terraform/variables.tf describes all of them`];
  if (severity !== 'error') return [];
  const [words = ''] = detail.split('\n\n');
  return [`${file}${range ? `, line ${range.start.line}` : ''}: ${words.replaceAll('\n', ' ') || summary}`];
}
