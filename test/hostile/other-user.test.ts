import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readHome } from '../../src/local/home.ts';
import { afterbell } from '../nights/command.ts';
import { MORNING, openMarket, openScene, SESSION, THAT_MORNING, warmHome } from '../nights/scene.ts';
import { skipped } from '../terraform/tooling.ts';

const NOBODY = { uid: 65534, gid: 65534 };
const canBecome = process.getuid?.() === 0;
if (!canBecome) skipped('nothing is tried as another Linux user (only root can become one)');

/** Output of a program that another user of this computer runs. */
function asNobody(program: string, ...args: string[]): { code: number | null; text: string } {
  const { status, stdout, error } = spawnSync(program, args, { ...NOBODY, cwd: '/', encoding: 'utf8' });
  if (error) throw error;
  return { code: status, text: stdout };
}

/** A data directory as an earlier version made it under the usual umask, in a folder everybody may enter. */
async function openToAll(): Promise<string> {
  const home = await warmHome();
  chmodSync(dirname(home), 0o755);
  execFileSync('chmod', ['-R', 'go+rX', home]);
  return home;
}

/** What in a folder has any permission for others, but for links, whose own mode says nothing. */
function openPaths(folder: string): string[] {
  const inside = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => !one.isSymbolicLink());
  const paths = [folder, ...inside.map(({ parentPath, name }) => join(parentPath, name))];
  // PGlite sets the mode of this cache of its own; the folders around it are closed.
  const ours = paths.filter((path) => !path.endsWith('/pg_internal.init'));
  return ours.filter((path) => (statSync(path).mode & 0o077) !== 0);
}

test('a night closes a data directory that was open to others, and leaves what lies outside of it alone', async () => {
  const home = await openToAll();
  const outside = join(dirname(home), 'outside');
  writeFileSync(outside, 'not ours', { mode: 0o644 });
  symlinkSync(outside, join(home, 'lake', 'link'));
  const readable = () => asNobody('find', home, '-type', 'f', '-readable').text.split('\n').filter(Boolean);
  if (canBecome) expect(readable().length).toBeGreaterThan(100);
  const market = await openMarket({});
  const vendors = { POLYGON_BASE_URL: market.url, POLYGON_API_KEY: 'x' };
  const night = ['night', '--session', SESSION];
  const said = await afterbell(night, { ...THAT_MORNING, ...vendors, AFTERBELL_HOME: home });
  expect(said.stdout, said.stderr).toMatch(/^(Succeeded|Partial): /m);
  expect(openPaths(home)).toEqual([]);
  expect(statSync(outside).mode & 0o777).toBe(0o644);
  if (canBecome) expect(readable()).toEqual([]);
});

test('a data directory among other things is closed without them', async () => {
  const home = await openToAll();
  writeFileSync(join(home, 'letter.txt'), 'somebody’s', { mode: 0o644 });
  const said = await afterbell(['vacuum'], { AFTERBELL_HOME: home });
  expect(said.code, said.stderr).toBe(0);
  expect(openPaths(home).sort()).toEqual([home, join(home, 'letter.txt')]);
});

interface Child {
  program: string;
  command: string;
  environment: string;
  asNobody: number | null;
}

/** The functions' and jobs' processes that run at this moment. */
function children(): Child[] {
  const found: Child[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const program = /(function-worker|job-process)\.mjs/.exec(command)?.[1];
      const parent = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[1]);
      if (!program || parent !== process.pid) continue;
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      if (environment === '') continue;
      found.push({ program, command, environment, asNobody: asNobody('cat', `/proc/${pid}/environ`).code });
    } catch {
      // Ended meanwhile.
    }
  }
  return found;
}

test.runIf(canBecome)(
  'while a night runs another user can read no key: not from its lock, its processes or its files',
  async () => {
    const env = { POLYGON_API_KEY: 'the-key-nobody-may-read' };
    const scene = await openScene({ home: await openToAll(), env, ownProcesses: true });
    const { credentials, endpoints } = (await readHome(scene.home))!;
    expect(endpoints).toHaveProperty('aws');
    expect(asNobody('cat', join(scene.home, 'home.lock')).code).not.toBe(0);
    const seen = new Map<string, Child>();
    const watch = setInterval(() => {
      for (const child of seen.size < 2 ? children() : []) seen.set(child.program, child);
    }, 20);
    const { exitCode } = await scene.run(MORNING);
    clearInterval(watch);
    expect(exitCode).toBe(0);
    expect([...seen.keys()].sort()).toEqual(['function-worker', 'job-process']);
    for (const { command, environment, asNobody: code } of seen.values()) {
      expect(environment).toContain(`AWS_SECRET_ACCESS_KEY=${credentials?.secretAccessKey}`);
      expect(command).not.toContain(credentials?.secretAccessKey);
      expect(environment + command).not.toContain('the-key-nobody-may-read');
      expect(code).not.toBe(0);
    }
    expect(asNobody('find', scene.home, '-mindepth', '1').text).toBe('');
    const own = { AFTERBELL_HOME: scene.home };
    const asked = await afterbell(['query', '--warehouse', 'SELECT 1 AS n', '--json'], own);
    expect([asked.code, asked.stdout.trim()], asked.stderr).toEqual([0, '[{"n":1}]']);
    const listed = await afterbell(['portfolios', '--json'], own);
    expect(listed.code, listed.stderr).toBe(0);
  },
);
