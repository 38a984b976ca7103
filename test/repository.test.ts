import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ERROR_NAMES } from '../src/errors.ts';
import { placeholdersIn } from '../src/local/states/template.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root })
  .toString()
  .split('\n')
  .filter(Boolean)
  .filter((path) => {
    try {
      read(path);
      return true;
    } catch {
      return false;
    }
  });
const product = tracked.filter((path) => /^(src|functions|batch-images|scripts)\/.*\.(ts|mjs|sql)$/.test(path));
const lines = (path: string) => read(path).split('\n').length - 1;
const functionNames = readdirSync(`${root}functions`);
const jobNames = readdirSync(`${root}batch-images`);

test('no product file is longer than 450 lines, and nine of ten are at most 350', () => {
  const lengths = product.map(lines).sort((a, b) => a - b);
  expect(product.filter((path) => lines(path) > 450)).toEqual([]);
  expect(lengths[Math.floor(lengths.length * 0.9)]).toBeLessThanOrEqual(350);
});

test('no product folder lies deeper than three below the root', () => {
  expect(product.filter((path) => path.split('/').length > 4)).toEqual([]);
});

test('no file has a catch-all name', () => {
  const names = tracked.filter((path) => /\/(utils?|helpers?|common|misc)\.[a-z]+$/.test(path));
  expect(names).toEqual([]);
});

test('no file holds both sides of a merge', () => {
  expect(tracked.filter((path) => /^(<{7}|>{7}) /m.test(read(path)))).toEqual([]);
});

test('every function is a door of at most 30 lines', () => {
  const doors = functionNames.map((name) => `functions/${name}/index.ts`);
  expect(doors.filter((path) => lines(path) > 30)).toEqual([]);
});

test('the environment is read in config.ts only', () => {
  const readers = product.filter((path) => path.endsWith('.ts') && /process\.env/.test(read(path)));
  expect(readers).toEqual(['src/config.ts']);
});

test('every function and job has its placeholder in a state machine, and every placeholder its folder', () => {
  const machines = readdirSync(`${root}state-machines`).filter((name) => name.endsWith('.asl.json'));
  const placeholders = new Set(machines.flatMap((name) => placeholdersIn(read(`state-machines/${name}`))));
  for (const infrastructure of ['topic', 'job_queue', 'at_stage']) placeholders.delete(infrastructure);
  // The practice market is invoked by functions.
  const called = functionNames.filter((name) => name !== 'practice-market');
  const folders = [...called, ...jobNames].map((name) => name.replaceAll('-', '_'));
  expect([...placeholders].sort()).toEqual(folders.sort());
});

test('every function names itself as its folder', () => {
  for (const name of functionNames) {
    const door = read(`functions/${name}/index.ts`);
    // The function of a dataset has the name of its task.
    const dataset = /^import \{ \w+ \} from '..\/..\/(src\/datasets\/.+\.ts)';$/m.exec(door)?.[1];
    const named = !name.startsWith('sync-') || dataset === undefined ? door : read(dataset).replace('task:', 'name:');
    expect(named).toContain(`name: '${name}'`);
  }
});

/** Folders of src by layer, files beside them by name; imports point from later rows to earlier ones. */
const LAYERS = [
  ['body', 'calendar', 'config', 'env-file', 'errors', 'log', 'text', 'modules'],
  ['checks', 'concurrency', 'records'],
  ['lake', 'stores', 'tables', 'vendors', 'warehouse'],
  ['datasets', 'jobs'],
  ['report'],
  ['night', 'past', 'portfolio'],
  ['deployed', 'export', 'lambda', 'local'],
  ['cli'],
];
const layerOf = (path: string) => {
  const room = /^src\/([^/.]+)/.exec(path)?.[1] ?? '';
  return LAYERS.findIndex((layer) => layer.includes(room));
};

/** File → the files it imports; `now`: without those it loads on demand. */
function importsOf(path: string, { now = false } = {}): string[] {
  const pattern = now ? /\bfrom '(\.[^']+)'/g : /\b(?:from |import\()'(\.[^']+)'/g;
  return [...read(path).matchAll(pattern)].map(([, target]) => new URL(target!, `file:///${path}`).pathname.slice(1));
}
const code = product.filter((path) => !path.endsWith('.sql'));
const imports = new Map(code.map((path) => [path, importsOf(path)]));

test('imports point one way through the folders of src', () => {
  const backwards = code
    .filter((path) => path.startsWith('src/'))
    .flatMap((path) => imports.get(path)!.map((to) => [path, to] as const))
    .filter(([path, to]) => layerOf(path) < layerOf(to))
    .map(([path, to]) => `${path} imports ${to}`);
  expect(backwards).toEqual([]);
});

test('there is no circle between files', () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const follow = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (done.has(path)) return;
    done.add(path);
    for (const to of imports.get(path) ?? []) follow(to, [...trail, path]);
  };
  for (const path of code) follow(path, []);
  expect(circles).toEqual([]);
});

/** Short files with one importer beside them, and why they are files all the same. */
const SHORT_FILES = [
  // one command, one file
  'src/local/market/alpaca.ts', // one vendor, one file
  'src/night/cost.ts', // pure, and docs/cost.md leans on it
];

test('a file under 80 lines has more than one importer, or one in another folder, or is loaded on demand', () => {
  const folder = (path: string) => path.slice(0, path.lastIndexOf('/'));
  const short = code.filter((path) => {
    const importers = code.filter((other) => imports.get(other)!.includes(path));
    const [only] = importers;
    if (!path.startsWith('src/') || lines(path) >= 80 || only === undefined || importers.length > 1) return false;
    return folder(only) === folder(path) && importsOf(only, { now: true }).includes(path);
  });
  expect(short).toEqual(SHORT_FILES);
});

/** Names that two files have, each for its own reason. */
const SHARED_NAMES = {
  // The practice market answers as the vendors do.
  'alpaca.ts': ['src/local/market/alpaca.ts', 'src/vendors/alpaca.ts'],
  'fmp.ts': ['src/local/market/fmp.ts', 'src/vendors/fmp.ts'],
  'ishares.ts': ['src/local/market/ishares.ts', 'src/vendors/ishares.ts'],
  'polygon.ts': ['src/local/market/polygon.ts', 'src/vendors/polygon.ts'],
  'xai.ts': ['src/local/market/xai.ts', 'src/vendors/xai.ts'],
  // A command, and what it starts.
  'history.ts': ['src/cli/history.ts', 'src/deployed/history.ts'],
  'night.ts': ['src/cli/night.ts', 'src/night/night.ts'],
  'schedule.ts': ['src/calendar/schedule.ts', 'src/cli/schedule.ts'],
  'vacuum.ts': ['src/cli/vacuum.ts', 'src/jobs/vacuum.ts'],
  // A dataset, its table, and its rows in the practice market.
  'dividends.ts': ['src/datasets/dividends.ts', 'src/local/market/dividends.ts', 'src/warehouse/dividends.ts'],
  'prices.ts': ['src/datasets/prices.ts', 'src/warehouse/prices.ts'],
};

test('no two files of src have the same name', () => {
  const byName = new Map<string, string[]>();
  for (const path of code.filter((file) => file.startsWith('src/'))) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    byName.set(name, [...(byName.get(name) ?? []), path]);
  }
  const shared = [...byName].filter(([, paths]) => paths.length > 1);
  expect(Object.fromEntries(shared)).toEqual(SHARED_NAMES);
});

test('every named error is thrown or matched somewhere', () => {
  const machines = tracked.filter((path) => path.startsWith('state-machines/'));
  const text = [...code, ...machines]
    .filter((path) => path !== 'src/errors.ts')
    .map(read)
    .join('\n');
  const errors = read('src/errors.ts').replace(/ERROR_NAMES = \[[^\]]*\]/, '');
  // The last state of a night puts the names of its own two errors together.
  const built = text.includes("'Night.' & $closed.status") ? ['Night.Failed', 'Night.Held'] : [];
  const named = (name: string) => [`'${name}'`, `"${name}"`].some((quoted) => `${text}${errors}`.includes(quoted));
  expect(ERROR_NAMES.filter((name) => !named(name) && !built.includes(name))).toEqual([]);
});

test('no source file cites a document that is not in the repository', () => {
  const sources = [...product, ...tracked.filter((path) => /^(state-machines|terraform)\/|^Makefile$/.test(path))];
  const documents = tracked.filter((path) => path.endsWith('.md'));
  const isThere = (cited: string) =>
    documents.some((path) => `/${path}`.endsWith(`/${cited.replace(/^(\.*\/)+/, '')}`));
  const folders = new Set(tracked.map((path) => path.slice(0, path.lastIndexOf('/'))));
  const missing = sources.flatMap((path) => {
    const text = read(path);
    const named = [...text.matchAll(/[\w./-]+\.md\b/g)].map(([cited]) => cited).filter((cited) => !isThere(cited));
    const below = [...text.matchAll(/(?<![\w/.-])docs\/[\w/.-]*\w/g)].map(([cited]) => cited);
    const unnamed = below.filter((cited) => !tracked.includes(cited) && !folders.has(cited));
    // `(vendor-handbook 1.3)`
    const chapters = [...text.matchAll(/\([a-z]+-[a-z-]+ \d[\d.]*[a-z]?\)/g)].map(([cited]) => cited);
    return [...named, ...unnamed, ...chapters].map((cited) => `${path}: ${cited}`);
  });
  expect(missing).toEqual([]);
});

test('no function bundle holds a native engine', () => {
  for (const file of readdirSync(`${root}dist/functions`)) {
    const bundle = read(`dist/functions/${file}`);
    expect(bundle).not.toMatch(/@duckdb\/|@electric-sql\/|from"dynalite"|fs-native-extensions|from"pg"/);
  }
});

test('test titles state a fact', () => {
  const hedged = tracked
    .filter((path) => path.endsWith('.test.ts'))
    .filter((path) => /\b(?:test|it)\(\s*['"`][^'"`]*\bshould\b/.test(read(path)));
  expect(hedged).toEqual([]);
});

interface Locked {
  resolved?: string;
  integrity?: string;
  license?: string;
  optionalDependencies?: Record<string, string>;
}

/** Licences that ask for no more than a notice, or (MPL-2.0, build tools only) for changes to their own files. */
const LICENCES = ['MIT', 'MIT-0', '0BSD', 'ISC', 'BSD-3-Clause', 'Apache-2.0', 'MIT OR Apache-2.0', 'MPL-2.0'];

function lockedPackages(): Record<string, Locked> {
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> };
  return packages;
}

test('the lock file names every optional package of every platform, each with its hash, and no download address', () => {
  const packages = lockedPackages();
  const { '': root, ...entries } = packages;
  const wanted = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
  expect(wanted.filter((name) => !(`node_modules/${name}` in packages))).toEqual([]);
  expect(root).toBeDefined();
  expect(Object.keys(entries).filter((path) => !/^sha512-/.test(entries[path]!.integrity ?? ''))).toEqual([]);
  expect(Object.keys(entries).filter((path) => entries[path]!.resolved)).toEqual([]);
});

test('every dependency has a licence that may be shipped', () => {
  const { '': _root, ...entries } = lockedPackages();
  const others = Object.entries(entries).filter(([, { license }]) => !LICENCES.includes(license ?? ''));
  expect(others.map(([path, { license }]) => `${path}: ${license}`)).toEqual([]);
});

test('every base image is named by digest', () => {
  const bases = jobNames.flatMap((name) =>
    [...read(`batch-images/${name}/Dockerfile`).matchAll(/^(?:ARG BASE=|FROM (?:--platform=\S+ )?)(\S+)/gm)].map(
      ([, base]) => base!,
    ),
  );
  expect(bases.length).toBeGreaterThanOrEqual(2 * jobNames.length);
  expect(bases.filter((base) => base !== '$BASE' && !/@sha256:[0-9a-f]{64}$/.test(base))).toEqual([]);
});

test('updates are looked for in every place that pins a version', () => {
  const { updates } = parse(read('.github/dependabot.yml')) as {
    updates: { 'package-ecosystem': string; directory?: string; directories?: string[] }[];
  };
  const watched = updates.flatMap(({ 'package-ecosystem': name, directory, directories = [directory!] }) =>
    directories.map((place) => `${name} ${place}`),
  );
  expect(watched.sort()).toEqual([
    ...jobNames.map((name) => `docker /batch-images/${name}`).sort(),
    'github-actions /',
    'npm /',
    'terraform /terraform',
  ]);
});

test('every Makefile target says what it does', () => {
  const targets = [...read('Makefile').matchAll(/^([a-z-]+):(.*)$/gm)].filter(([, name]) => name !== 'sources');
  expect(targets.filter(([, , rest]) => !rest?.includes('## ')).map(([, name]) => name)).toEqual([]);
  expect(targets.length).toBeLessThanOrEqual(20);
});

test('the changelog is headed by versions, the newest of which package.json has, and every tag has its heading', () => {
  const headings = [...read('CHANGELOG.md').matchAll(/^## (.*)$/gm)].map(([, heading]) => heading!);
  const [unreleased, ...versions] = headings;
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(unreleased).toBe('Unreleased');
  expect(versions[0]).toBe(version);
  expect(versions.filter((heading) => !/^\d+\.\d+\.\d+$/.test(heading))).toEqual([]);
  const tags = execFileSync('git', ['tag', '--list', 'v*'], { cwd: root }).toString().split('\n').filter(Boolean);
  expect(tags.filter((tag) => !versions.includes(tag.slice(1)))).toEqual([]);
});

const tests = tracked.filter((path) => /^test\/.*\.ts$/.test(path));

test('a test that replaces modules runs in a process of its own; the others may share one', () => {
  const replacing = tests.filter((path) => /\bvi\.(do)?mock\(/i.test(read(path)));
  expect(replacing.length).toBeGreaterThan(1);
  const alone = /const ALONE = \[([^\]]*)\]/.exec(read('vitest.config.ts'))![1]!;
  expect(replacing.filter((path) => !alone.includes(`'${path}'`))).toEqual([]);
});

test('hooks of a module that files share stand in test/setup.ts, which runs for each of them', () => {
  const helpers = tests.filter((path) => !path.endsWith('.test.ts') && path !== 'test/setup.ts');
  expect(helpers.filter((path) => /^(before|after)(All|Each)\(/m.test(read(path)))).toEqual([]);
});

test('CI runs the tests and the rehearsal, and each ends with its seconds', () => {
  const commands = read('.ci/run').replace(/^\s*#.*$/gm, '');
  const called = [...commands.matchAll(/\bmake (\w+)/g)].map(([, target]) => target);
  expect(called).toEqual(expect.arrayContaining(['test', 'rehearsal', 'audit']));
  expect(commands).toContain('vitest run --project scan');
  const makefile = read('Makefile');
  for (const target of ['test', 'rehearsal', 'nodes'])
    expect(makefile).toMatch(new RegExp(`^${target}: .*\\n(?:\\t.*\\n)*?\\t.*\\$\\(seconds\\)$`, 'm'));
});

test('make test runs every file but those of the rehearsal and of the scan', () => {
  const [, args] = /^test:.*\n\t@npx vitest run (.*?);/m.exec(read('Makefile'))!;
  const list = ['vitest', 'list', '--filesOnly', '--json', ...args!.split(' ')];
  const listed = execFileSync('npx', list, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  const files = JSON.parse(listed.slice(listed.indexOf('[\n'))) as { file: string }[];
  const names = files.map(({ file }) => file.replace(root, ''));
  const wanted = tracked.filter((path) => /^test\/(?!rehearsal\/|scan\/).*\.test\.ts$/.test(path));
  expect(names.sort()).toEqual(wanted.sort());
});

test('every planted bug applies to the code of today', () => {
  const patches = tracked.filter((path) => /^test\/simulation\/bugs\/.*\.patch$/.test(path));
  expect(patches.length).toBeGreaterThan(20);
  const applies = (patch: string) => spawnSync('git', ['apply', '--check', patch], { cwd: root }).status === 0;
  expect(patches.filter((patch) => !applies(patch))).toEqual([]);
});
