import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { NATIVE } from '../../scripts/bundle.mjs';
import { cli } from '../nights/program.ts';
import { SESSION, scratch, THAT_MORNING } from '../nights/scene.ts';
import { skipped } from '../terraform/tooling.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { version, engines, files, dependencies, ...manifest } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
);
const npm = (args: string[]) => execFileSync('npm', args, { cwd: root, encoding: 'utf8' }).trim();

interface Packed {
  filename: string;
  size: number;
  unpackedSize: number;
  files: { path: string }[];
}

let packed: (Packed & { tarball: string }) | undefined;

/** The build is there and up to date, as always in tests; `npm pack` would only ask make once more. */
function pack(): Packed & { tarball: string } {
  if (packed) return packed;
  const folder = scratch();
  const [made] = JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder])) as Packed[];
  packed = { ...made!, tarball: join(folder, made!.filename) };
  return packed;
}

test('the package has what runs, its licences and its pages, and nothing of tests, sources and deployment', () => {
  const { filename, size, unpackedSize, files: packedFiles } = pack();
  const paths = packedFiles.map(({ path }) => path);
  console.log(`${filename}: ${(size / 1e6).toFixed(1)} MB, ${(unpackedSize / 1e6).toFixed(1)} MB unpacked`);
  expect(filename).toBe(`afterbell-${version}.tgz`);
  expect(size).toBeLessThan(10e6);
  const roots = new Set(paths.map((path) => path.replace(/^((?:dist\/)?[^/]+).*/, '$1')));
  expect([...roots].sort()).toEqual(
    [
      '.env.example CHANGELOG.md LICENSE README.md docs package.json state-machines',
      'dist/THIRD-PARTY-LICENSES.txt dist/batch-images dist/cli dist/cluster dist/functions dist/local',
    ]
      .join(' ')
      .split(' ')
      .sort(),
  );
  expect(paths.filter((path) => /\.(ts|m?js\.map|test\.\w+|zip|tf)$|node_modules|(^|\/)\.env$/.test(path))).toEqual([]);
  const machines = readdirSync(join(root, 'state-machines')).map((name) => `state-machines/${name}`);
  expect(paths).toEqual(
    expect.arrayContaining([...machines, 'dist/cli/afterbell.mjs', 'dist/cluster/pg_wal/archive_status/.keep']),
  );
});

test('what the bundles do not contain is installed with the package, and what they contain has its licence in it', () => {
  expect(Object.keys(dependencies).sort()).toEqual([...NATIVE].sort());
  const notices = readFileSync(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
  const bundled = JSON.parse(readFileSync(join(root, 'dist/bundled.json'), 'utf8')) as string[];
  const names = bundled.map((part) => part.slice(0, part.lastIndexOf('@')));
  expect(names).toEqual(expect.arrayContaining(['@aws-sdk/client-s3', 'commander', 'echarts', 'hyparquet', 'zod']));
  for (const part of bundled) expect(notices).toContain(`${part.replace(/@([^@]+)$/, ' $1')} (`);
  expect(notices).toContain('Permission is hereby granted');
});

test('whoever publishes the package does it where its origin is recorded', () => {
  expect(manifest).toMatchObject({
    license: 'Apache-2.0',
    bin: { afterbell: 'dist/cli/afterbell.mjs' },
    publishConfig: { access: 'public', provenance: true },
    scripts: { prepack: 'make --silent build' },
  });
  expect(manifest).not.toHaveProperty('private');
  expect(files).toEqual(expect.arrayContaining(['state-machines/', 'CHANGELOG.md']));
});

/** As for a user with an empty home, but for the cache and the settings of npm that reach the registry. */
function userIn(folder: string) {
  const home = join(folder, 'home');
  mkdirSync(home);
  const own = Object.fromEntries(
    ['cache', 'userconfig', 'registry'].map((key) => [`npm_config_${key}`, npm(['config', 'get', key])]),
  );
  const env = {
    ...{ PATH: process.env.PATH ?? '', HOME: home, ...own, ...THAT_MORNING },
    // No program is built: every native part is there as it is.
    ...{ npm_config_prefer_offline: 'true', npm_config_ignore_scripts: 'true', npm_config_update_notifier: 'false' },
    ...{ npm_config_audit: 'false', npm_config_fund: 'false', SYMBOLS: '40', HISTORY_SESSIONS: '5' },
  };
  return (cwd: string, command: string, settings = {}) => {
    const options = { cwd, env: { ...env, ...settings }, encoding: 'utf8' as const };
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], options);
    return { code: status, stdout, stderr };
  };
}

test('in an empty folder the package runs a practice night, and prints the commands that are right there', (context) => {
  const { tarball, filename } = pack();
  const folder = join(scratch(), 'a folder');
  const [installed, empty] = [join(folder, 'installed'), join(folder, 'empty')];
  for (const path of [installed, empty]) mkdirSync(path, { recursive: true });
  copyFileSync(tarball, join(empty, filename));
  const sh = userIn(folder);

  const install = sh(installed, `npm install --no-save '../empty/${filename}'`);
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENOTCACHED/.test(install.stderr)) {
    skipped('the package in an empty folder, because no registry can be reached for its dependencies');
    return context.skip();
  }
  expect(install, install.stderr).toMatchObject({ code: 0 });
  expect(sh(installed, 'npx --no -- afterbell --version')).toMatchObject({ code: 0, stdout: `${version}\n` });
  const before = sh(installed, 'npx --no -- afterbell status');
  expect(before, before.stderr).toMatchObject({ code: 1, stdout: expect.stringMatching(/^ {4}npx afterbell night$/m) });

  const night = sh(empty, `npx --yes ./afterbell-*.tgz night --session ${SESSION}`);
  expect(night, night.stderr).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`\nSucceeded: night for session ${SESSION}`),
  });
  expect(night.stdout).toMatch(new RegExp(`^Next: npx ./${filename} query "`, 'm'));
  expect(readdirSync(empty).sort()).toEqual(['.afterbell', filename]);

  // Where npx keeps what it fetched nothing stays for good.
  const timer = sh(empty, `npx --yes ./${filename} schedule --install`);
  expect(timer).toMatchObject({ code: 2, stderr: expect.stringContaining(`npm install --global ./${filename}`) });

  const home = { AFTERBELL_HOME: join(empty, '.afterbell') };
  const status = sh(installed, 'npx --no -- afterbell status', home);
  expect(status, status.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining(`Healthy: ${SESSION} is`) });
  const query = sh(
    installed,
    `npx --no -- afterbell query "SELECT close > 0 AS priced FROM bars WHERE symbol = 'AAPL' AND date = '${SESSION}'" --json`,
    home,
  );
  expect(query, query.stderr).toMatchObject({ code: 0 });
  expect(query.stdout).toContain('"priced":true');
});

test('a Node.js that is too old is named before anything else is loaded', () => {
  const [, oldest = ''] = /^>=([\d.]+)$/.exec(engines.node)!;
  const as = (node: string, ...args: string[]) => {
    const older = `Object.defineProperty(process,"versions",{value:{...process.versions,node:"${node}"}})`;
    const options = { cwd: scratch(), env: { PATH: process.env.PATH ?? '' }, encoding: 'utf8' as const };
    return spawnSync(process.execPath, ['--import', `data:text/javascript,${older}`, cli, ...args], options);
  };
  const { status, stdout, stderr } = as('18.20.8', 'status', '--json');
  expect(status).toBe(2);
  expect(stderr).toBe(
    `Config.Invalid: Node.js is too old; found 18.20.8 (${process.execPath}); wanted ${oldest} or newer. Nothing was done. Install Node.js 22 or 24, or put it first on your PATH, and give the same command again.\n`,
  );
  expect(JSON.parse(stdout)).toMatchObject({ error: { name: 'Config.Invalid' } });
  expect(as(`${oldest}.0`, '--version').stdout).toBe(`${version}\n`);
});
