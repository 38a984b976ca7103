import { CreateServiceLinkedRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { openTerraform, type Terraform } from '../terraform/tooling.ts';
import { type Emulator, startEmulator } from './emulator.ts';
import { makeDeployer } from './operator.ts';
import { say } from './say.ts';

const SETTINGS = [
  '-no-color',
  '-input=false',
  '-var-file=environments/dev.tfvars',
  '-var=notify_emails=["you@example.com"]',
  // A practice stage: its vendors are a function of its own.
  '-var=practice=true',
  '-var=vendors=["polygon","alpaca","fmp","xai"]',
];
/** Most of it is the provider waiting; the emulator's state is Terraform's own, so `destroy` need not ask for it. */
const HASTE = { apply: ['-parallelism=30'], destroy: ['-parallelism=30', '-refresh=false'] };
export const PROVIDER = `
provider "aws" {
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
}
`;
export const IMAGES = ['consolidator', 'resampler'];

/** The dev stage on an emulated account: the real Terraform, the real zips. */
export interface EmulatedStage {
  emulator: Emulator;
  terraform: Terraform;
  /** What an SDK client wants. */
  client: Emulator['client'];
  apply(): Promise<string>;
  /** Addresses that a plan would change. */
  changes(): Promise<string[]>;
  destroy(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Undefined, with the reason, where Terraform, its provider or moto is missing.
 * @param settings Terraform's variable of that name: how vendors are reached
 */
export async function openEmulatedStage(
  settings: Record<string, string>,
): Promise<{ stage?: EmulatedStage; why: string }> {
  const emulator = await startEmulator();
  if (!emulator) return { why: 'there is no Python with moto and its server, and none could be installed' };
  const deployer = await makeDeployer(emulator.client);
  const { terraform, why } = await openTerraform({
    override: PROVIDER,
    env: {
      ...emulator.env,
      AWS_ACCESS_KEY_ID: deployer.accessKeyId,
      AWS_SECRET_ACCESS_KEY: deployer.secretAccessKey,
    },
  });
  if (!terraform) {
    await emulator.close();
    return { why };
  }
  const { client } = emulator;
  const variables = [...SETTINGS, `-var=settings=${JSON.stringify(settings)}`];
  const must = async (verb: keyof typeof HASTE, ...args: string[]) => {
    const begun = performance.now();
    const { code, output } = await terraform.run([verb, ...variables, ...HASTE[verb], '-auto-approve', ...args]);
    if (code !== 0) throw new Error(`terraform ${verb}: ${output.slice(-3000)}`);
    say(`terraform ${[verb, ...args].join(' ')}: ${/^.* complete! .*$/m.exec(output)?.[0]}`, begun);
    return output;
  };
  const stage: EmulatedStage = {
    emulator,
    terraform,
    client,
    async apply() {
      // The order of `make deploy`.
      await new IAMClient(client).send(new CreateServiceLinkedRoleCommand({ AWSServiceName: 'batch.amazonaws.com' }));
      await emulator.authorize(true);
      await must('apply', '-target=aws_ecr_repository.image');
      await emulator.authorize(false);
      for (const image of IMAGES) await pushManifest(emulator.url, `afterbell-dev-${image}`);
      await emulator.authorize(true);
      const applied = await must('apply');
      await emulator.authorize(false);
      return applied;
    },
    async changes() {
      const begun = performance.now();
      const { code, output } = await terraform.run(['plan', '-detailed-exitcode', ...variables]);
      if (code === 1) throw new Error(`terraform plan: ${output.slice(-3000)}`);
      const changes = [...output.matchAll(/^ {2}# (\S+) (?:will|must) be/gm)].map(([, address]) => address!);
      say(`terraform plan, again: ${changes.length} differences`, begun);
      return changes;
    },
    async destroy() {
      await emulator.authorize(true);
      return must('destroy');
    },
    async close() {
      terraform.close();
      await emulator.close();
    },
  };
  return { stage, why: '' };
}

/** Stands for an image: the stack names it by digest and looks no further. */
export async function pushManifest(url: string, repositoryName: string): Promise<void> {
  const config = {
    mediaType: 'application/vnd.docker.container.image.v1+json',
    size: 7,
    digest: `sha256:${'1'.repeat(64)}`,
  };
  const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
  const imageManifest = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] });
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'AmazonEC2ContainerRegistry_V20150921.PutImage',
      authorization:
        'AWS4-HMAC-SHA256 Credential=rehearsal/20260101/us-east-1/ecr/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: JSON.stringify({ repositoryName, imageTag: 'current', imageManifest }),
  });
  if (!answer.ok) throw new Error(`the image of ${repositoryName} was not taken: ${await answer.text()}`);
}
