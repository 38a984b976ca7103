import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NamedError } from '../../src/errors.ts';

/** What a deployment has to know of a stage before Terraform does. */
export interface Environment {
  stage: string;
  region: string;
  protect: boolean;
  engineVersion: string;
  imageTag: string;
  /** Addresses, or the one word nobody; empty when the file leaves it open. */
  notifyEmails: string[];
  /** When it is not the one that is named by stage and account. */
  lakeBucket?: string;
  /** Relative to terraform/. */
  tfvars: string;
  backend: string;
}

/**
 * Reads environments/STAGE.tfvars, with variables.tf for what it leaves out. Only plain values on lines of their own
 * are understood, as they stand in the files that come with this repository.
 * @throws Usage.Invalid for a stage without a file, or whose file is another stage's
 */
export function readEnvironment(root: string, stage: string | undefined): Environment {
  const folder = join(root, 'terraform/environments');
  const known = readdirSync(folder)
    .filter((name) => name.endsWith('.tfvars'))
    .map((name) => name.replace(/\.tfvars$/, ''));
  if (stage === undefined || !known.includes(stage)) {
    throw new NamedError('Usage.Invalid', {
      what: 'STAGE names no environment',
      found: stage || 'nothing',
      wanted: known.join(', '),
      todo: `For a new one copy terraform/environments/dev.tfvars and dev.s3.tfbackend.`,
    });
  }
  const own = readFileSync(join(folder, `${stage}.tfvars`), 'utf8');
  const presets = readFileSync(join(root, 'terraform/variables.tf'), 'utf8');
  const named = assigned(own, 'stage');
  if (named !== stage) {
    throw new NamedError('Usage.Invalid', {
      what: `environments/${stage}.tfvars is another stage's`,
      found: `stage = ${JSON.stringify(named)}`,
      wanted: `stage = "${stage}"`,
    });
  }
  const lakeBucket = assigned(own, 'lake_bucket');
  const backend = `environments/${stage}.s3.tfbackend`;
  return {
    stage,
    region: assigned(own, 'region') ?? preset(presets, 'region'),
    protect: assigned(own, 'protect') === 'true',
    engineVersion:
      assigned(own, 'engine_version') ?? /engine_version\s*=\s*optional\(string, "([^"]+)"\)/.exec(presets)![1]!,
    imageTag: assigned(own, 'image_tag') ?? preset(presets, 'image_tag'),
    notifyEmails: listed(own, 'notify_emails'),
    ...(lakeBucket ? { lakeBucket } : {}),
    tfvars: `environments/${stage}.tfvars`,
    backend: existsSync(join(root, 'terraform', backend)) ? backend : 'environments/dev.s3.tfbackend',
  };
}

function assigned(text: string, name: string): string | undefined {
  return new RegExp(`\\b${name}\\s*=\\s*"?([^"\\s,}]+)`).exec(text)?.[1];
}

/** A list of words in quotation marks, on one line or several. */
function listed(text: string, name: string): string[] {
  const plain = text.replace(/(^|\s)#.*$/gm, '');
  const list = new RegExp(`^${name}\\s*=\\s*\\[([^\\]]*)\\]`, 'm').exec(plain)?.[1] ?? '';
  return [...list.matchAll(/"([^"]*)"/g)].map(([, word]) => word!);
}

function preset(variables: string, name: string): string {
  const block = variables.split(/^variable /m).find((part) => part.startsWith(`"${name}"`)) ?? '';
  return /default\s*=\s*"([^"]+)"/.exec(block)?.[1] ?? '';
}
