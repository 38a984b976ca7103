import { expect, test } from 'vitest';
import { destroy } from '../../scripts/deploy/deploy.ts';
import type { Answer } from '../../scripts/deploy/tools.ts';
import { ACCOUNT, fakeTools, refuses, rootWith, says } from './deployment.ts';

const root = rootWith();

test('a protected stage is not destroyed', async () => {
  const { tools, calls } = fakeTools();
  await expect(destroy('prod', { root, tools, yes: true })).rejects.toThrow('prod is protected');
  expect(calls).toEqual([]);
});

test('a stage is destroyed without docker, and what is left is named', async () => {
  const { tools, calls, lines } = fakeTools({ 'docker buildx version': refuses('no') });
  await destroy('dev', { root, tools, yes: true });
  expect(calls.at(-1)).toBe('terraform destroy -auto-approve -var-file=environments/dev.tfvars');
  expect(lines.join('\n')).toContain(`afterbell-state-${ACCOUNT}-us-east-1`);
});

test('a stage that is not there is not destroyed, and no bucket is made to find that out', async () => {
  const absent: Record<string, Answer>[] = [
    { 'aws s3api head-object': refuses('An error occurred (404) when calling the HeadObject operation: Not Found') },
    { 'terraform state list': says('') },
  ];
  for (const answers of absent) {
    const { tools, calls } = fakeTools(answers);
    const gone = destroy('dev', { root, tools, yes: true });
    await expect(gone).rejects.toMatchObject({ name: 'Usage.Invalid' });
    await expect(gone).rejects.toThrow(/there is no stage dev to destroy in account 123456789012, region us-east-1/);
    expect(calls.filter((line) => /create-bucket|terraform destroy/.test(line))).toEqual([]);
  }
});

test('a state that cannot be listed is not taken for a stage that was destroyed before', async () => {
  for (const stage of ['dev', 'try']) {
    const { tools, calls } = fakeTools({ 'terraform state list': refuses('Error: Failed to load state') });
    await expect(destroy(stage, { root, tools, yes: true })).rejects.toThrow(
      /terraform state list failed; found Error: Failed to load state/,
    );
    expect(calls.filter((line) => /delete-|terraform destroy/.test(line))).toEqual([]);
  }
});

test('a practice stage whose destroy broke off after its last resource is rid of its state by the next one', async () => {
  const { tools, calls, lines } = fakeTools({ 'terraform state list': says('') });
  await destroy('try', { root, tools, yes: true });
  expect(calls.filter((line) => line.startsWith('terraform destroy'))).toEqual([]);
  expect(calls.at(-1)).toContain('aws s3api delete-bucket');
  expect(lines.join('\n')).toContain('nothing of try is left');
});

test('a practice stage keeps no state, even where its outputs were gone before its resources', async () => {
  const { tools, calls, lines } = fakeTools({ 'terraform output': refuses('Warning: No outputs found') });
  await destroy('try', { root, tools, yes: true });
  expect(calls).toContain('terraform destroy -auto-approve -var-file=environments/try.tfvars -var=practice=true');
  expect(lines.join('\n')).toContain('nothing of try is left');
});

test('a practice stage is destroyed with every version of its state, and the bucket when no other stage has one there', async () => {
  const versions = says({
    Versions: [{ Key: 'afterbell/try.tfstate', VersionId: '2' }],
    DeleteMarkers: [{ Key: 'afterbell/try.tfstate.tflock', VersionId: '1' }],
  });
  for (const [others, last] of [
    [says({}), 'aws s3api delete-bucket'],
    [says({ Versions: [{ Key: 'afterbell/dev.tfstate', VersionId: '1' }] }), 'aws s3api list-object-versions'],
  ] as const) {
    const listed = `aws s3api list-object-versions --bucket afterbell-state-${ACCOUNT}-us-east-1 --region us-east-1 --expected-bucket-owner ${ACCOUNT}`;
    const { tools, calls, lines, inputs } = fakeTools({
      'terraform output -json practice': says('true'),
      [`${listed} --prefix`]: versions,
      [`${listed} --max-items`]: others,
    });
    await destroy('try', { root, tools, yes: true });
    expect(calls.filter((line) => line.startsWith('terraform destroy'))).toEqual([
      'terraform destroy -auto-approve -var-file=environments/try.tfvars -var=practice=true',
    ]);
    const removed = JSON.parse(inputs.find((text) => text?.includes('Objects'))!) as { Objects: { Key: string }[] };
    expect(removed.Objects.map(({ Key }) => Key)).toEqual(['afterbell/try.tfstate', 'afterbell/try.tfstate.tflock']);
    expect(calls.at(-1)).toContain(last);
    expect(lines.join('\n')).toContain('nothing of try is left');
  }
});
