import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CommanderError } from 'commander';
import { expect, test } from 'vitest';
import { commands } from '../src/cli/commands.ts';
import { SETTINGS } from '../src/config.ts';
import { ERROR_NAMES } from '../src/errors.ts';
import { afterbell } from './nights/command.ts';
import { HELD, SESSION, warmHome } from './nights/scene.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');
const pages = [
  'README.md',
  ...readdirSync(`${root}docs`)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const decisions = readdirSync(`${root}docs/decisions`).map((name) => `docs/decisions/${name}`);

function filesBelow(folder: string): string[] {
  return readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs|sql)$/.test(name))
    .map((name) => `${folder}/${name}`);
}

/** Every `npx afterbell …` of a page: a line of a code block, or a piece of inline code. */
function commandsIn(page: string): string[] {
  const text = read(page);
  const found = [...text.matchAll(/npx afterbell [^`\n|]*/g)].map(([command]) => command.replace(/ +#.*/, '').trim());
  return [...new Set(found)].filter((command) => !command.includes('…'));
}

/** The arguments as a shell would give them. What is optional in the text is given; D is a session, a name a name. */
function argumentsOf(command: string): string[] {
  const parts = command.replace(/[[\]]/g, '').match(/"[^"]*"|\S+/g) ?? [];
  return parts.slice(2).map((part) => part.replace(/^"|"$/g, '').replace(/^D$/, HELD.last));
}

async function parse(args: readonly string[]): Promise<string | undefined> {
  const program = commands('0', () => async () => {});
  for (const one of [program, ...program.commands]) one.configureOutput({ writeErr: () => {}, writeOut: () => {} });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return undefined;
  } catch (error) {
    return error instanceof CommanderError && error.exitCode === 0 ? undefined : (error as Error).message;
  }
}

test('every command in the docs is one the command line takes', async () => {
  const wrong: string[] = [];
  for (const page of pages) {
    for (const command of commandsIn(page)) {
      const message = await parse(argumentsOf(command));
      if (message) wrong.push(`${page}: ${command}: ${message}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(commandsIn('docs/runbook.md').length).toBeGreaterThan(20);
});

/** They change nothing, and what they need is in every home. */
const READS =
  /^npx afterbell (?!.*--stage )(status|verify|query|quarantine|portfolios$|vacuum .*--dry-run|backfill .*--dry-run)/;

/** Its commands are about a dataset that is not here; test/datasets/add-a-dataset.test.ts adds it and runs them. */
const runnable = pages.filter((page) => page !== 'docs/add-a-dataset.md');

test('every command in the docs that only reads runs in a home', async () => {
  // The morning after the last session the home holds.
  const env = { AFTERBELL_HOME: await warmHome(), AFTERBELL_NOW: `${HELD.last}T23:00:00Z` };
  const reads = [...new Set(runnable.flatMap(commandsIn))].filter(
    (command) => READS.test(command) && !/NAME|TASK|SYMBOL|"SQL"|\[/.test(command),
  );
  expect(reads.length).toBeGreaterThan(5);
  const wrong: string[] = [];
  for (const command of reads) {
    const { code, stderr } = await afterbell(argumentsOf(command), env);
    if (code !== 0) wrong.push(`${command}: exit ${code}: ${stderr}`);
  }
  expect(wrong).toEqual([]);
});

/** In the order of a day; they need nothing but a home and the practice market. */
const DAY = [
  `npx afterbell night --session D`,
  'npx afterbell report',
  'npx afterbell logs consolidator',
  'npx afterbell logs resampler',
  'npx afterbell logs analyze-portfolio',
  'npx afterbell run sync-splits',
  'npx afterbell run sync-metadata',
  'npx afterbell run sync-valuations',
  'npx afterbell run consolidate --symbols AAPL,MSFT',
  'npx afterbell run resample --mode full',
  'npx afterbell run resample',
  'npx afterbell analyze --dry-run',
];

/** Forms with a name in them, or a market, a held night, flat files before them: test/nights runs each; of a stage the rehearsal. */
const ELSEWHERE =
  /^npx afterbell (.*--stage |market|release|backfill|history|import|portfolios --(?:im|ex)port|analyze|night|schedule|backup|restore|export|report --(?:run|serve)|run TASK|status TASK|logs NAME)/;

test('every other command in the docs runs in its place in a day, or in the nights of other tests', async () => {
  const documented = runnable.flatMap(commandsIn).filter((command) => !READS.test(command) && !/\[/.test(command));
  expect(documented.filter((command) => !DAY.includes(command) && !ELSEWHERE.test(command))).toEqual([]);
  expect(DAY.filter((command) => !documented.includes(command))).toEqual([]);
  const env = { AFTERBELL_HOME: await warmHome() };
  const wrong: string[] = [];
  for (const command of DAY) {
    const args = argumentsOf(command).map((part) => (part === HELD.last ? SESSION : part));
    const { code, stdout, stderr } = await afterbell(args, env);
    if (code !== 0) wrong.push(`${command}: exit ${code}: ${stdout}${stderr}`);
  }
  expect(wrong).toEqual([]);
});

test('every link between the pages leads to a file of the repository', () => {
  const linked = [...pages, 'CONTRIBUTING.md', ...decisions].flatMap((page) =>
    [...read(page).matchAll(/\]\(([^)#\s]+)/g)].map(([, target]) => ({ page, target: target! })),
  );
  const broken = linked.filter(
    ({ page, target }) => !/^https?:/.test(target) && !existsSync(new URL(target, new URL(page, `file://${root}`))),
  );
  expect(broken).toEqual([]);
  expect(linked.length).toBeGreaterThan(30);
});

test('the index of the docs names every page', () => {
  const index = read('docs/README.md');
  const others = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  expect(others.filter((page) => !index.includes(`](${page.slice('docs/'.length)})`))).toEqual([]);
});

test('every document and heading that the code cites is there, and so is every file that the design names', () => {
  const sources = [...filesBelow('src'), ...filesBelow('test'), ...filesBelow('scripts')];
  const citations = sources.flatMap((file) =>
    [...read(file).matchAll(/\((?:the table in )?(docs\/[a-z-]+\.md)(?:, ([^)]+))?\)/g)].map(([, page, heading]) => ({
      file,
      page: page!,
      heading,
    })),
  );
  const lost = citations.filter(
    ({ page, heading }) =>
      !existsSync(`${root}${page}`) || (heading && !read(page).includes(`\n## ${heading.replace(/\n \* /, ' ')}\n`)),
  );
  expect(lost).toEqual([]);
  expect(citations.length).toBeGreaterThan(15);
  const design = read('docs/design.md');
  const named = [...design.matchAll(/`((?:src|functions|state-machines|terraform)\/[a-z0-9./-]+)`/g)].map(
    ([, path]) => path!,
  );
  expect(named.filter((path) => !existsSync(`${root}${path}`))).toEqual([]);
  expect(named.length).toBeGreaterThan(20);
});

test('the README is read in a few minutes', () => {
  expect(read('README.md').split(/\s+/).length).toBeLessThan(1500);
});

test('the runbook explains every named error, and no other', () => {
  const section = read('docs/runbook.md').split('## Named errors')[1]!;
  const rows = [...section.matchAll(/^\| `([A-Z][A-Za-z]+\.[A-Za-z]+)` \| ([^|]*)\|([^|]*)\|([^|]*)\|/gm)];
  expect(rows.map(([, name]) => name).sort()).toEqual([...ERROR_NAMES].sort());
  expect(rows.filter(([, , meaning]) => meaning!.trim() === '')).toEqual([]);
});

test('the runbook explains every alarm', () => {
  const block = /locals \{\s*alarms = \{([\s\S]*?)\n {2}\}/.exec(read('terraform/alarms.tf'))?.[1] ?? '';
  const names = [...block.matchAll(/^ {4}"?([a-z-]+)"? = \{/gm)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(0);
  const section = read('docs/runbook.md').split('## Alarms')[1]!.split('\n## ')[0]!;
  expect(names.filter((name) => !section.includes(`| \`${name}\` |`))).toEqual([]);
});

test('every repair in the alarm table names --stage dev, and every check is a complete aws command', () => {
  const section = read('docs/runbook.md').split('## Alarms')[1]!.split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  const commands = rows.flatMap((row) => row.match(/`npx afterbell [^`]*`/g) ?? []);
  expect(commands.length).toBeGreaterThan(3);
  expect(commands.filter((command) => !command.includes(' --stage dev'))).toEqual([]);
  for (const service of ['scheduler get-schedule', 'sqs receive-message', 'logs filter-log-events']) {
    expect(section).toMatch(new RegExp(`^ *aws ${service} `, 'm'));
  }
});

test('every aws command of the docs names its region, where the service has regions', () => {
  const calls = pages.flatMap((page) =>
    [...read(page).matchAll(/(?:^ *(?:\$ |until )*|\()aws ([a-z0-9-]+) (?:[^\n`]*\\\n)*[^\n`]*/gm)]
      .filter(([, service]) => !['iam', 'sso', 'configure'].includes(service!))
      .map(([call]) => ({ page, call })),
  );
  expect(calls.length).toBeGreaterThan(15);
  expect(calls.filter(({ call }) => !call.includes('--region '))).toEqual([]);
});

test('every setting the environment page speaks of exists, and every original variable is spoken of', () => {
  const rows = [...read('docs/environment.md').matchAll(/^\| `([A-Z0-9_]+)` \| ([^|]*) \| ([^|]*) \|$/gm)];
  const known = new Set<string>([...SETTINGS.map(({ name }) => name), 'AWS_REGION']);
  const named = rows.flatMap(([, , ours]) => [...ours!.matchAll(/`([A-Z0-9_]+)`/g)].map(([, name]) => name!));
  expect(named.filter((name) => !known.has(name))).toEqual([]);
  expect(rows.filter(([, , ours]) => ours !== 'gone' && !ours!.includes('`'))).toEqual([]);
  expect(rows).toHaveLength(23);
});
