import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { cli } from '../nights/program.ts';
import { scratch } from '../nights/scene.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** As the Makefile calls it; `make install` itself would build first. */
function launcher(verb: string, env: Record<string, string>, script = join(root, 'scripts/launcher.mjs')) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, verb], {
    env: { PATH: process.env.PATH ?? '', ...env },
    encoding: 'utf8',
  });
  return { status, said: stdout + stderr };
}

test('make install makes an afterbell for every folder, and make uninstall removes it', () => {
  const home = join(scratch(), "a user's home");
  mkdirSync(home);
  const bin = join(home, '.local/bin');
  const first = launcher('install', { HOME: home });
  expect(first.status).toBe(0);
  expect(first.said).toContain(`${bin}/afterbell runs this checkout: ${cli}`);
  // A shell that has the line knows the program.
  const line = /^ {2}(export PATH=.*)$/m.exec(first.said)![1]!;
  const env = { HOME: home, PATH: process.env.PATH ?? '' };
  const version = execFileSync('sh', ['-c', `${line}; afterbell --version`], { cwd: home, env })
    .toString()
    .trim();
  expect(version).toBe(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version);
  const status = spawnSync('sh', ['-c', `${line}; afterbell status`], { cwd: home, env, encoding: 'utf8' });
  expect(status.stdout).toMatch(/^ {4}afterbell night$/m);

  const again = launcher('install', { HOME: home, PATH: `${bin}:${process.env.PATH}` });
  expect(again).toMatchObject({ status: 0, said: expect.not.stringContaining('not on your PATH') });
  expect(launcher('uninstall', { HOME: home })).toEqual({ status: 0, said: `Removed ${bin}/afterbell\n` });
  expect(launcher('uninstall', { HOME: home })).toEqual({
    status: 0,
    said: `Nothing to remove: there is no ${bin}/afterbell\n`,
  });
});

test('neither make install nor make uninstall touches what is not of this checkout', () => {
  const others: [string, (path: string) => void][] = [
    ['a file', (path) => writeFileSync(path, 'mine')],
    ['a folder', (path) => mkdirSync(path)],
    ['a link to /elsewhere/dist/cli/afterbell.mjs', (path) => symlinkSync('/elsewhere/dist/cli/afterbell.mjs', path)],
  ];
  for (const [what, make] of others) {
    const PREFIX = scratch();
    mkdirSync(join(PREFIX, 'bin'));
    const path = join(PREFIX, 'bin/afterbell');
    make(path);
    const { ino } = lstatSync(path);
    for (const verb of ['install', 'uninstall']) {
      const { status, said } = launcher(verb, { PREFIX });
      expect(status).toBe(1);
      expect(said).toContain(`${path} is not of this checkout; found ${what}; wanted a link to ${cli}. Nothing was`);
    }
    expect(lstatSync(path).ino).toBe(ino);
  }
});

test('make install says where nothing can be made, and which other afterbell comes first', () => {
  const folder = scratch();
  writeFileSync(join(folder, 'file'), '');
  const { status, said } = launcher('install', { PREFIX: join(folder, 'file') });
  expect(status).toBe(1);
  expect(said).toMatch(
    /afterbell cannot be made; found .*: a file is in the way\. Nothing was changed\. Name a folder/,
  );

  const other = join(folder, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'afterbell'), '#!/bin/sh\n', { mode: 0o755 });
  const second = launcher('install', { PREFIX: join(folder, 'prefix'), PATH: `${other}:${folder}/prefix/bin` });
  expect(second.said).toContain(`Your PATH has another program of that name first, ${other}/afterbell`);
});

test('a checkout neither replaces nor removes the link of another one', () => {
  const folder = scratch();
  for (const name of ['one', 'two']) {
    mkdirSync(join(folder, name, 'dist/cli'), { recursive: true });
    mkdirSync(join(folder, name, 'scripts'));
    writeFileSync(join(folder, name, 'dist/cli/afterbell.mjs'), '');
    cpSync(join(root, 'scripts/launcher.mjs'), join(folder, name, 'scripts/launcher.mjs'));
  }
  const PREFIX = join(folder, 'prefix');
  const script = (name: string) => join(folder, name, 'scripts/launcher.mjs');
  expect(launcher('install', { PREFIX }, script('one')).status).toBe(0);
  expect(launcher('install', { PREFIX }, script('two')).status).toBe(1);
  expect(launcher('uninstall', { PREFIX }, script('two')).status).toBe(1);
  expect(launcher('uninstall', { PREFIX }, script('one')).status).toBe(0);
});

test('make install ends where the system lets nobody make a folder', { skip: process.platform !== 'linux' }, () => {
  const { status, said } = launcher('install', { PREFIX: '/proc' });
  expect(status).toBe(1);
  expect(said).toContain('/proc/bin/afterbell cannot be made; found /proc/bin: ');
});
