import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HANGS_MS } from '../limits.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const BASE = 'localhost/afterbell-base:test';
/** What the Dockerfiles' RUN lines and npm call. */
const TOOLS = ['sh', 'mkdir', 'cp', 'chown', 'rm', 'env'];

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

export interface ImageConfig {
  User: string;
  Volumes: object;
  Entrypoint: string[];
  StopSignal: string;
}

/** Images built and run without a container engine, in a store of their own that `close` removes. */
export interface Buildah {
  build(job: string): Promise<string>;
  /** Builds it on this processor with what is for another one; answers the paths of its native modules. */
  buildFor(arch: string, job: string): Promise<string[]>;
  inspect(image: string): Promise<ImageConfig>;
  /** Runs the image's entry point; `written` are paths outside /scratch that it made or changed. */
  run(image: string, options: RunOptions): Promise<Ended & { written: string[] }>;
  close(): void;
}

export interface RunOptions {
  argv: string[];
  env: Record<string, string>;
  /** Folder of this machine by path in the container. */
  volumes: Record<string, string>;
}

/** Undefined where buildah is not there and cannot be installed. */
export async function openBuildah(): Promise<Buildah | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !(await isInstalled())) return undefined;
  const home = mkdtempSync(join(tmpdir(), 'afterbell-images-'));
  const store = ['--root', join(home, 'graph'), '--runroot', join(home, 'run'), '--storage-driver', 'vfs'];
  const buildah = (...args: string[]) => execute('buildah', [...store, ...args]);
  const must = async (...args: string[]) => {
    const { code, stdout, stderr } = await buildah(...args);
    if (code !== 0) throw new Error(`buildah ${args[0]} ended with ${code}: ${stderr.slice(-2000)}`);
    return stdout.trim();
  };
  await makeBase(home, must);
  const bud = async (image: string, job: string, ...more: string[]) => {
    await must(
      ...['bud', '--isolation', 'chroot', '--pull-never', '--layers=false', '--quiet', ...npmAccess(home), ...more],
      ...['--build-arg', `BASE=${BASE}`, '--tag', image, '--file', `batch-images/${job}/Dockerfile`, '.'],
    );
    return image;
  };
  return {
    build: (job) => bud(`localhost/afterbell-${job}:test`, job),
    async buildFor(arch, job) {
      const image = await bud(`localhost/afterbell-${job}:other`, job, '--build-arg', `TARGETARCH=${arch}`);
      const container = await must('from', '--pull-never', image);
      const folder = await must('mount', container);
      const found = await execute('find', [folder, '-name', '*.node']);
      await must('rm', container);
      return found.stdout
        .split('\n')
        .filter(Boolean)
        .map((path) => path.slice(folder.length));
    },
    async inspect(image) {
      return configOf(await must('inspect', '--type', 'image', image));
    },
    async run(image, { argv, env, volumes }) {
      const { Entrypoint } = configOf(await must('inspect', '--type', 'image', image));
      const container = await must('from', '--pull-never', image);
      const folder = await must('mount', container);
      const marker = join(home, 'marker');
      writeFileSync(marker, '');
      const ended = await buildah(
        ...['run', '--isolation', 'chroot'],
        ...Object.entries(volumes).flatMap(([path, own]) => ['--volume', `${own}:${path}:rw`]),
        ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
        ...[container, '--', ...Entrypoint, ...argv],
      );
      const changed = await execute('find', [folder, '-type', 'f', '-newer', marker]);
      const written = changed.stdout
        .split('\n')
        .filter(Boolean)
        .map((path) => path.slice(folder.length))
        // buildah itself lends the container the host's name tables.
        .filter((path) => !path.startsWith('/scratch/') && !path.startsWith('/etc/') && !path.startsWith('/run/'));
      await must('rm', container);
      return { ...ended, written };
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}

function configOf(inspected: string): ImageConfig {
  return (JSON.parse(inspected) as { OCIv1: { config: ImageConfig } }).OCIv1.config;
}

/** Where everything has to run, it may be installed; on anybody's own machine nothing is. */
async function isInstalled(): Promise<boolean> {
  if ((await execute('buildah', ['--version'])).code === 0) return true;
  if (process.env.REQUIRE_ALL !== '1') return false;
  await execute('apt-get', ['update']);
  await execute('apt-get', ['install', '-y', '--no-install-recommends', 'buildah']);
  return (await execute('buildah', ['--version'])).code === 0;
}

/** A base image of this machine's own node, npm and a few tools, with the libraries they are linked to. */
async function makeBase(home: string, must: (...args: string[]) => Promise<string>): Promise<void> {
  const files = join(home, 'base');
  for (const folder of ['tmp', 'etc', 'root', 'proc', 'sys', 'dev', 'run', 'usr/local/bin', 'usr/local/etc']) {
    mkdirSync(join(files, folder), { recursive: true });
  }
  chmodSync(join(files, 'tmp'), 0o1777);
  for (const tool of TOOLS) copyLinked(files, which(tool), `/usr/bin/${tool}`);
  mkdirSync(join(files, 'bin'), { recursive: true });
  copyFileSync(which('sh'), join(files, 'bin/sh'));
  copyLinked(files, process.execPath, '/usr/local/bin/node');
  const npm = execFileSync('npm', ['root', '--global'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
  cpSync(join(npm, 'npm'), join(files, 'usr/local/npm'), { recursive: true });
  writeFileSync(join(files, 'usr/local/bin/npm'), '#!/bin/sh\nexec node /usr/local/npm/bin/npm-cli.js "$@"\n', {
    mode: 0o755,
  });
  writeFileSync(join(files, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  const container = await must('from', 'scratch');
  await must('copy', '--quiet', container, files, '/');
  await must('config', '--env', 'PATH=/usr/local/bin:/usr/bin:/bin', container);
  await must('commit', '--quiet', '--rm', container, BASE);
  rmSync(files, { recursive: true });
}

function which(tool: string): string {
  return execFileSync('/bin/sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim();
}

function copyLinked(files: string, program: string, target: string): void {
  const place = (path: string) => {
    mkdirSync(dirname(join(files, path)), { recursive: true });
    return join(files, path);
  };
  copyFileSync(program, place(target));
  for (const [library] of execFileSync('ldd', [program], { encoding: 'utf8' }).matchAll(/\/\S+/g)) {
    if (!existsSync(join(files, library))) copyFileSync(library, place(library));
  }
}

/** This machine's way to the packages, lent to the build and not kept in the image. */
function npmAccess(home: string): string[] {
  const ask = (name: string) =>
    execFileSync('npm', ['config', 'get', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  const authority = process.env.NODE_EXTRA_CA_CERTS;
  const lines = [
    `registry=${ask('registry')}`,
    'update-notifier=false',
    ...(authority ? ['cafile=/run/authority.pem'] : []),
  ];
  const file = join(home, 'npmrc');
  writeFileSync(file, `${lines.join('\n')}\n`);
  const lent = ['--volume', `${file}:/usr/local/etc/npmrc:ro`];
  return authority ? [...lent, '--volume', `${authority}:/run/authority.pem:ro`] : lent;
}

function execute(command: string, args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: root, timeout: HANGS_MS, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ code: error ? (typeof error.code === 'number' ? error.code : 1) : 0, stdout, stderr }),
    );
  });
}
