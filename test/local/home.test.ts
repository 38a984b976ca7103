import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { accessDatabases, lockDatabases, openHome, readHome } from '../../src/local/home.ts';
import { bundledText, temporaryFolder } from './programs.ts';

const write = { mode: 'write' } as const;
const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' };
const lockOf = (path: string) => join(path, 'home.lock');
const readLock = (path: string) => JSON.parse(readFileSync(lockOf(path), 'utf8')) as Record<string, unknown>;

let contender: string;
beforeAll(async () => {
  contender = await bundledText(
    'contender',
    `import { openHome } from '/src/local/home.ts';
    process.on('message', async (path) => {
      try {
        await openHome(String(path), { mode: 'write', command: 'contender ' + process.pid });
        process.send!('won');
      } catch (error) {
        process.send!(String((error as Error).name));
      }
    });
    process.send!('ready');`,
  );
});

async function startContender(): Promise<ChildProcess> {
  const child = fork(contender, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await once(child, 'message');
  return child;
}

async function contend(child: ChildProcess, path: string): Promise<unknown> {
  const answered = once(child, 'message');
  child.send(path);
  return (await answered)[0];
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** A pid that certainly belongs to nobody: that of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = await startContender();
  await end(child);
  return child.pid ?? 0;
}

test('opening creates the four folders and a lock that names its owner', async () => {
  const path = join(temporaryFolder(), 'deep', 'home');
  const home = await openHome(path, { ...write, command: 'afterbell night' });
  expect(readdirSync(path).sort()).toEqual(['home.lock', 'lake', 'logs', 'owner.flock', 'tables', 'warehouse']);
  expect(home.folders.logs).toBe(join(path, 'logs'));
  expect(readLock(path)).toMatchObject({ pid: process.pid, nonce: home.nonce, command: 'afterbell night' });
  const { control } = readLock(path).endpoints as { control: string };
  expect(await (await fetch(`${control}/afterbell`)).json()).toEqual({ nonce: home.nonce, pid: process.pid });
  await home.close();
  await home.close();
  expect(existsSync(lockOf(path))).toBe(false);
});

test('readers see the endpoints of a living owner and nothing of a home without one', async () => {
  const path = temporaryFolder();
  expect(await readHome(join(path, 'nowhere'))).toBeUndefined();
  expect(await readHome(path)).toBeUndefined();
  const home = await openHome(path, write);
  await home.setEndpoints({ aws: 'http://127.0.0.1:1', dynamodb: 'http://127.0.0.1:2' }, credentials);
  expect(await readHome(path)).toMatchObject({
    pid: process.pid,
    endpoints: { aws: 'http://127.0.0.1:1', dynamodb: 'http://127.0.0.1:2', control: expect.any(String) },
    credentials,
  });
  await home.close();
  expect(await readHome(path)).toBeUndefined();
});

test('a second writer is refused and told who owns the home', async () => {
  const path = temporaryFolder();
  const home = await openHome(path, { ...write, command: 'afterbell night' });
  await expect(openHome(path, write)).rejects.toMatchObject({
    name: 'Home.Busy',
    message: expect.stringMatching(new RegExp(`${path}; found pid ${process.pid} \\(afterbell night\\) since 20`)),
  });
  const child = await startContender();
  expect(await contend(child, path)).toBe('Home.Busy');
  await home.close();
  expect(await contend(child, path)).toBe('won');
  await expect(openHome(path, write)).rejects.toMatchObject({ name: 'Home.Busy' });
  await end(child);
  await (await openHome(path, write)).close();
});

test('an owner that takes connections but does not answer keeps its home', async () => {
  const path = temporaryFolder();
  const child = await startContender();
  expect(await contend(child, path)).toBe('won');
  child.kill('SIGSTOP');
  await expect(openHome(path, write)).rejects.toMatchObject({ name: 'Home.Busy' });
  child.kill('SIGCONT');
  await end(child);
});

test('a lock whose pid passed to another program is taken over', async () => {
  const stranger = createServer((_request, response) => response.end('{"nonce":"another"}'));
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  const answering = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
  for (const endpoints of [{ control: answering }, { control: 'http://127.0.0.1:9' }, {}]) {
    const path = temporaryFolder();
    const record = { pid: process.ppid, nonce: 'old', startedAt: '2025-01-01T00:00:00Z', command: 'old', endpoints };
    writeFileSync(lockOf(path), JSON.stringify(record));
    expect(await readHome(path)).toBeUndefined();
    const home = await openHome(path, write);
    expect(readLock(path).nonce).toBe(home.nonce);
    await home.close();
  }
  stranger.close();
  stranger.closeAllConnections();
});

test('an unreadable lock is taken over', async () => {
  const path = temporaryFolder();
  writeFileSync(lockOf(path), '{"pid":');
  await (await openHome(path, write)).close();
});

test('of many takers of a dead owner’s lock exactly one wins, every time', async () => {
  const pid = await deadPid();
  const children = await Promise.all(Array.from({ length: 6 }, startContender));
  for (let round = 0; round < 15; round += 1) {
    const path = temporaryFolder();
    const endpoints = { control: 'http://127.0.0.1:9' };
    writeFileSync(lockOf(path), JSON.stringify({ pid, nonce: 'dead', startedAt: '', command: '', endpoints }));
    // A taker that died between winning the succession and taking the lock.
    const half = { pid, nonce: 'half', startedAt: '', command: '', endpoints };
    if (round % 2) writeFileSync(`${lockOf(path)}.after-dead`, JSON.stringify(half));
    const results = await Promise.all(children.map((child) => contend(child, path)));
    expect(results.filter((result) => result === 'won')).toHaveLength(1);
    expect(results.filter((result) => result === 'Home.Busy')).toHaveLength(5);
    expect(readdirSync(path).filter((entry) => entry.startsWith('home.lock'))).toEqual(['home.lock']);
    expect((await readHome(path))?.command).toMatch(/^contender \d+$/);
  }
  await Promise.all(children.map(end));
});

test('of many writers to a fresh home exactly one wins', async () => {
  const children = await Promise.all(Array.from({ length: 6 }, startContender));
  for (let round = 0; round < 5; round += 1) {
    const path = join(temporaryFolder(), 'home');
    const results = await Promise.all(children.map((child) => contend(child, path)));
    expect(results.sort()).toEqual(['Home.Busy', 'Home.Busy', 'Home.Busy', 'Home.Busy', 'Home.Busy', 'won']);
  }
  await Promise.all(children.map(end));
});

test('a home that cannot be written is refused with its path and the reason', async () => {
  const path = join(temporaryFolder(), 'file');
  writeFileSync(path, '');
  await expect(openHome(join(path, 'home'), write)).rejects.toMatchObject({
    name: 'Home.Unwritable',
    message: expect.stringMatching(/file\/home cannot be written; found (ENOTDIR|EEXIST)/),
  });
});

test('closing leaves a lock alone that is no longer its own', async () => {
  const path = temporaryFolder();
  const home = await openHome(path, write);
  writeFileSync(lockOf(path), JSON.stringify({ ...readLock(path), nonce: 'successor' }));
  await home.close();
  expect(existsSync(lockOf(path))).toBe(true);
});

test('a lock file is what a killed owner leaves, and it locks nothing', async () => {
  const path = temporaryFolder();
  const child = await startContender();
  expect(await contend(child, path)).toBe('won');
  const locks = join(path, 'owner.flock');
  expect(readFileSync(locks, 'utf8')).toMatch(new RegExp(`^pid ${child.pid} \\(contender ${child.pid}\\) since 20`));
  await end(child);
  expect(existsSync(locks) && existsSync(lockOf(path))).toBe(true);
  expect(await readHome(path)).toBeUndefined();
  await (await openHome(path, write)).close();
});

test('an owner whose card answers without a lock is of an earlier version, and keeps its home', async () => {
  const earlier = createServer((_request, response) => response.end('{"nonce":"earlier"}'));
  await new Promise<void>((resolve) => earlier.listen(0, '127.0.0.1', resolve));
  const control = `http://127.0.0.1:${(earlier.address() as AddressInfo).port}`;
  const path = temporaryFolder();
  const startedAt = '2025-01-01T00:00:00Z';
  const card = {
    pid: 7,
    nonce: 'earlier',
    startedAt,
    command: 'afterbell night',
    endpoints: { control, aws: 'there' },
  };
  writeFileSync(lockOf(path), JSON.stringify(card));
  await expect(openHome(path, write)).rejects.toMatchObject({
    name: 'Home.Busy',
    message: expect.stringContaining('found pid 7 (afterbell night) since 2025'),
  });
  expect(await accessDatabases(path, 'aws', { waitMs: 0 })).toMatchObject({ url: 'there' });
  earlier.close();
  earlier.closeAllConnections();
  await (await openHome(path, write)).close();
});

test('readers queue for the databases, leave them to an owner that opens them, and go over its endpoint then', async () => {
  const path = temporaryFolder();
  const now = { waitMs: 0 };
  const first = await accessDatabases(path, 'aws', now);
  if (!('lock' in first)) throw new Error('nobody has the databases');
  await expect(accessDatabases(path, 'aws', now)).rejects.toMatchObject({
    name: 'Home.Busy',
    message: expect.stringMatching(/found pid \d+ \(afterbell.*still after 0 s/),
  });
  const home = await openHome(path, { ...write, opening: true });
  const told: string[] = [];
  const second = accessDatabases(path, 'aws', { waitMs: 600_000 });
  const owner = lockDatabases(path, { waitMs: 600_000, onWait: (text) => told.push(text) });
  await expect.poll(() => told).toHaveLength(1);
  first.lock.release();
  const databases = await owner;
  expect(told[0]).toMatch(/^Waiting for .*: pid \d+ \(afterbell/);
  await home.setEndpoints({ aws: 'http://127.0.0.1:1' }, credentials);
  expect(await second).toEqual({ url: 'http://127.0.0.1:1', credentials });
  databases.release();
  await home.close();
});

test('readers of a home whose owner opens no databases open them themselves', async () => {
  const path = temporaryFolder();
  const home = await openHome(path, write);
  expect(await accessDatabases(path, 'aws', { waitMs: 0 })).toHaveProperty('lock');
  await home.close();
});

test('an owner in another container is seen by its lock, and its endpoints are not used', async () => {
  const path = temporaryFolder();
  const home = await openHome(path, write);
  const databases = await lockDatabases(path, { waitMs: 0 });
  await home.setEndpoints({ aws: 'http://127.0.0.1:1' }, credentials);
  // As from a network namespace where something else, or nothing, listens on the port.
  const card = readLock(path);
  writeFileSync(lockOf(path), JSON.stringify({ ...card, endpoints: { aws: 'x', control: 'http://127.0.0.1:9' } }));
  expect(await readHome(path)).toMatchObject({ pid: process.pid, endpoints: {} });
  await expect(accessDatabases(path, 'aws', { waitMs: 0 })).rejects.toMatchObject({ name: 'Home.Busy' });
  databases.release();
  await home.close();
});

test('an interrupted command does not wait on', async () => {
  const path = temporaryFolder();
  const databases = await lockDatabases(path, { waitMs: 0 });
  const stop = new AbortController();
  const waiting = lockDatabases(path, { waitMs: 600_000, signal: stop.signal, onWait: () => stop.abort() });
  await expect(waiting).rejects.toMatchObject({ name: 'Job.Interrupted' });
  databases.release();
});
