import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { presetOf, readTfvars, type Value } from '../../src/deployed/tfvars.ts';
import { NamedError } from '../../src/errors.ts';

/** What a deployment has to know of a stage before Terraform does. */
export interface Environment {
  stage: string;
  region: string;
  protect: boolean;
  /** Meant for the practice market: deployed with PRACTICE=1 only. */
  practice: boolean;
  /** Nights come by the clock. */
  scheduled: boolean;
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
 * Reads environments/STAGE.tfvars, with variables.tf for what it leaves out.
 * @throws Usage.Invalid for a stage without a file, or whose file is another stage's; Config.Invalid for a file that
 *   cannot be read
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
  const own = readTfvars(
    readFileSync(join(folder, `${stage}.tfvars`), 'utf8'),
    `terraform/environments/${stage}.tfvars`,
  );
  const named = textOf(own.stage);
  if (named !== stage) {
    throw new NamedError('Usage.Invalid', {
      what: `environments/${stage}.tfvars is another stage's`,
      found: named === undefined ? 'no stage' : `stage = ${JSON.stringify(named)}`,
      wanted: `stage = "${stage}"`,
    });
  }
  const lakeBucket = textOf(own.lake_bucket);
  const backend = `environments/${stage}.s3.tfbackend`;
  return {
    stage,
    region: textOf(own.region) ?? presetOf(root, 'region'),
    // What is not clearly open to be deleted is not.
    protect: (textOf(own.protect) ?? 'false') !== 'false',
    practice: textOf(own.practice) === 'true',
    scheduled: textOf(own.schedule_enabled) !== 'false',
    engineVersion: engineVersionOf(root, own.warehouse),
    imageTag: textOf(own.image_tag) ?? presetOf(root, 'image_tag'),
    notifyEmails: textsOf(own.notify_emails),
    ...(lakeBucket ? { lakeBucket } : {}),
    tfvars: `environments/${stage}.tfvars`,
    backend: existsSync(join(root, 'terraform', backend)) ? backend : 'environments/dev.s3.tfbackend',
  };
}

function textOf(value: Value | undefined): string | undefined {
  return typeof value === 'string' && value !== 'null' ? value : undefined;
}

function textsOf(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** What variables.tf says, for a warehouse that the file leaves open. */
function engineVersionOf(root: string, warehouse: Value | undefined): string {
  const named =
    typeof warehouse === 'object' && !Array.isArray(warehouse) ? textOf(warehouse.engine_version) : undefined;
  const variables = () => readFileSync(join(root, 'terraform/variables.tf'), 'utf8');
  return named ?? /engine_version\s*=\s*optional\(string, "([^"]+)"\)/.exec(variables())![1]!;
}
