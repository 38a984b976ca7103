/**
 * Runs what Step Functions itself answered, recorded outside this repository, through the local engine, and says how
 * many of the cases agree, are refused when the machine is loaded, and differ. Exit code 1 where a case differs, or is
 * refused for another reason than a feature that no machine here uses.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = process.env.CONFORMANCE_CASES ?? join(root, '../shared/conformance');

/** What the engine refuses because it does not carry it out, by the text of the refusal. */
const UNUSED = [
  ['JSONPath, alone or mixed with JSONata', /must be JSONata|only JSONata is known/],
  [
    'a Map that is DISTRIBUTED, with its readers, writers and tolerated failures',
    /ProcessorConfig: wanted|ItemReader: a field|Tolerated\w+: a field/,
  ],
  ['roles of other accounts (Credentials)', /Credentials: a field/],
  ['HeartbeatSeconds', /HeartbeatSeconds: a field/],
  ['a Resource other than lambda:invoke, batch:submitJob.sync and sns:publish', /Resource: wanted/],
  ['LogType of lambda:invoke', /Arguments\.LogType:/],
  ['an inner Assign of an outer variable, which AWS documents as refused', /inner scopes only read it/],
];

if (!existsSync(join(folder, 'run.mjs'))) {
  const why = `what Step Functions answered is not in ${folder}; CONFORMANCE_CASES names another folder`;
  process.stderr.write(`SKIPPED: cases recorded on AWS: ${why}\n`);
  process.exit(process.env.REQUIRE_ALL === '1' ? 1 : 0);
}

const scratch = mkdtempSync(join(tmpdir(), 'afterbell-conformance-'));
try {
  process.exitCode = await compare();
} finally {
  rmSync(scratch, { recursive: true });
}

async function compare() {
  const states = join(root, 'src/local/states');
  const entry = join(scratch, 'engine.ts');
  const exported = [
    `export { loadMachine } from '${states}/load.ts';`,
    `export { runMachine } from '${states}/run-machine.ts';`,
  ];
  writeFileSync(entry, exported.join('\n'));
  const engine = join(scratch, 'engine.mjs');
  await bundle(entry, engine);
  const answers = join(scratch, 'answers.json');
  const args = [join(folder, 'run.mjs'), engine, join(folder, 'aws-recorded.json'), '--json', answers];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1e9 });
  if (!existsSync(answers)) throw new Error(`the cases did not run: ${stderr || stdout}`);
  return report(JSON.parse(readFileSync(answers, 'utf8')));
}

function report(answers) {
  const of = (verdict) => answers.filter((answer) => answer.verdict === verdict);
  const [agree, refused, differ] = ['pass', 'refused', 'differ'].map(of);
  const reasonOf = ({ why }) => UNUSED.find(([, text]) => text.test(why))?.[0];
  const unexplained = refused.filter((answer) => reasonOf(answer) === undefined);
  console.log(
    `${answers.length} cases: ${agree.length} agree, ${refused.length} refused at load, ${differ.length} differ`,
  );
  for (const [reason] of UNUSED) {
    const count = refused.filter((answer) => reasonOf(answer) === reason).length;
    if (count > 0) console.log(`  ${count} refused: ${reason}`);
  }
  for (const { variant, id, why } of differ) console.log(`DIFFERS: ${variant} ${id}: ${why}`);
  for (const { variant, id, why } of unexplained) console.log(`REFUSED: ${variant} ${id}: ${why}`);
  const causes = answers.filter(({ cause }) => cause !== undefined);
  const exact = causes.filter(({ cause }) => cause.startsWith('exact'));
  const events = causes.filter(({ variant, cause }) => variant !== 'adapted' && cause.includes('event id'));
  console.log(
    `${exact.length} of ${causes.length} causes of failures are AWS's own; event numbers in them differ in ${events.length}`,
  );
  return differ.length + unexplained.length + events.length > 0 ? 1 : 0;
}
