import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { temporaryFolder } from '../programs.ts';

const INSTALLED = '/usr/lib/postgresql';

/** The program folder of the newest server that Debian's package has installed, of any that is in PATH, or undefined. */
function postgresPrograms(): string | undefined {
  const versions = existsSync(INSTALLED) ? readdirSync(INSTALLED).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(INSTALLED, version, 'bin')),
    ...(process.env.PATH ?? '').split(':'),
  ];
  return folders.find((bin) => ['initdb', 'postgres'].every((program) => existsSync(join(bin, program))));
}

/** The same; without a server it says what is skipped, which is an error with REQUIRE_ALL=1. */
export function postgresFor(what: string): string | undefined {
  const programs = postgresPrograms();
  if (programs) return programs;
  console.warn(`SKIPPED: ${what} on a real PostgreSQL (no initdb in ${INSTALLED}/*/bin or PATH)`);
  if (process.env.REQUIRE_ALL === '1') throw new Error('REQUIRE_ALL=1 and no PostgreSQL is installed');
  return undefined;
}

/** A PostgreSQL of its own on a free port; as root it runs under the user `postgres`. */
export async function startPrivatePostgres(bin: string): Promise<{ connectionString: string; stop(): Promise<void> }> {
  const owner = process.getuid?.() === 0 ? userIds('postgres') : undefined;
  const folder = temporaryFolder();
  const data = join(folder, 'data');
  mkdirSync(data);
  if (owner) for (const path of [folder, data]) chownSync(path, owner.uid, owner.gid);
  const options = { ...owner, cwd: folder, env: { PATH: bin } };
  const initdb = ['-D', data, '-U', 'afterbell', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  execFileSync(join(bin, 'initdb'), initdb, { ...options, stdio: 'ignore' });
  const port = await freePort();
  const server = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-F'];
  const child = spawn(join(bin, 'postgres'), server, { ...options, stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const connectionString = `postgres://afterbell@127.0.0.1:${port}/postgres`;
  await untilReady(connectionString, child);
  return {
    connectionString,
    stop: async () => {
      child.kill('SIGINT');
      await ended;
    },
  };
}

async function untilReady(connectionString: string, server: ChildProcess): Promise<void> {
  for (;;) {
    const client = new pg.Client({ connectionString });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (server.exitCode !== null || server.signalCode !== null) throw error;
      await sleep(100);
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function userIds(name: string): { uid: number; gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}
