import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { cron, systemd } from './clocks.ts';
import { afterbell, typed } from './command.ts';
import { cli } from './program.ts';
import { scratch } from './scene.ts';

/** A path that a shell, cron and systemd each read their own way. */
const ODD = `it's 100% "$HOME"`;
let home: string;
let env: Record<string, string>;

beforeAll(async () => {
  home = join(scratch(), ODD);
  env = { AFTERBELL_HOME: home };
  const { code, stderr } = await afterbell(['night'], env);
  expect(code, stderr).toBe(0);
});

/** What `--json` says. */
async function printed(args: readonly string[], more: Record<string, string> = {}) {
  const { code, stdout, stderr } = await afterbell(['schedule', '--json', ...args], { ...env, ...more });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as { folder: string; files: Record<string, string>; crontab: string[] };
}

test('a mistyped data directory is scheduled by nobody', async () => {
  const { code, stderr } = await afterbell(['schedule'], { AFTERBELL_HOME: `${home}x` });
  expect(code).toBe(2);
  expect(stderr).toContain('no night has run');
  expect(existsSync(`${home}x`)).toBe(false);
});

test('a scheduled start that has passed runs one night, and the same start no second one', async () => {
  const before = await afterbell(['status'], env);
  expect(before.stdout).toContain(`${typed(env)} schedule --install`);
  // The clock of status and schedule; the night itself looks at the real one.
  const at = (now: string) => afterbell(['schedule', '--run'], { ...env, AFTERBELL_NOW: now });
  const first = await at('2026-03-09T07:59:00Z');
  expect(first.stdout).toMatch(/Skipped|Succeeded/);
  expect(await at('2026-03-09T07:59:59Z')).toEqual({ code: 0, stdout: '', stderr: '' });
  // 04:00 in New York, the day after its clocks went forward.
  expect((await at('2026-03-09T08:00:00Z')).stderr).toContain('Mon 09 Mar 2026 04:00 EDT is due');
  expect((await afterbell(['status'], env)).stdout).toMatch(/Next night: \w{3} \d\d/);
});

test('settings that only the shell has are named', async () => {
  const { stderr } = await afterbell(['schedule', '--with', 'cron'], { ...env, POLYGON_CALLS_PER_MINUTE: '7' });
  expect(stderr).toMatch(/POLYGON_CALLS_PER_MINUTE.* set in this shell only/);
});

test('a bad night runs the command of --on-failure with its exit code and shows the end of the log', async () => {
  const told = join(scratch(), 'told');
  const { crontab } = await printed(['--with', 'cron', '--on-failure', `echo "100% $AFTERBELL_EXIT" > '${told}'`]);
  const command = crontab[1]!.replace('@reboot ', '').replaceAll('\\%', '%');
  const sh = (more: object) => execFileSync('/bin/sh', ['-c', command], { env: { ...more }, stdio: 'pipe' }).toString();
  let output = '';
  try {
    sh({ RETENTION_DAYS: 'no number' });
  } catch (error) {
    output = String((error as { stdout: Buffer }).stdout);
    expect((error as { status: number }).status).toBe(2);
  }
  expect(output).toContain('RETENTION_DAYS');
  expect(readFileSync(told, 'utf8')).toBe('100% 2\n');
});

test('each kind of timer that cannot be set up is refused with the reason', async () => {
  for (const [kind, program] of [
    ['systemd', 'systemctl'],
    ['cron', 'crontab'],
  ] as const) {
    const settings = { ...env, HOME: scratch(), PATH: '/nowhere' };
    const { code, stderr } = await afterbell(['schedule', '--install', '--with', kind], settings);
    expect(code).toBe(2);
    expect(stderr).toContain(`\`${program} `);
  }
  expect((await afterbell(['schedule', '--with', 'anacron'], env)).stderr).toContain('systemd, cron');
});

test('--install writes both units and has systemd enable the timer; --remove takes them away', async () => {
  const bin = scratch();
  const calls = join(bin, 'calls');
  writeFileSync(join(bin, 'systemctl'), `#!/bin/sh\necho "$@" >>'${calls}'\n`, { mode: 0o755 });
  const settings = { ...env, HOME: scratch(), PATH: `${bin}:/usr/bin:/bin` };
  const { folder, files } = await printed([], settings);
  expect(await afterbell(['schedule', '--install'], settings)).toMatchObject({ code: 0 });
  const [service = '', timer = ''] = Object.keys(files);
  // Each command starts from a folder of its own.
  const fromAnywhere = (text = '') => text.replace(/cd \S+/, 'cd …');
  for (const name of [service, timer])
    expect(fromAnywhere(readFileSync(join(folder, name), 'utf8'))).toBe(fromAnywhere(files[name]));
  expect(readFileSync(calls, 'utf8')).toContain(`--user enable --now ${timer}`);
  const removed = await afterbell(['schedule', '--remove'], settings);
  expect(removed.stdout).toBe('Removed from systemd.\n');
  expect([service, timer].filter((name) => existsSync(join(folder, name)))).toEqual([]);
  expect(readFileSync(calls, 'utf8')).toContain(`--user disable --now ${timer}`);
});

test.runIf(systemd)('systemd finds nothing wrong with the units, whatever is in the path', async () => {
  const { files } = await printed(['--with', 'systemd', '--on-failure', 'echo "$AFTERBELL_EXIT" 100%']);
  const folder = scratch();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const paths = Object.keys(files).map((name) => join(folder, name));
  const said = execFileSync('systemd-analyze', ['verify', '--user', ...paths], {
    env: { ...process.env, XDG_RUNTIME_DIR: folder },
    stdio: 'pipe',
  });
  expect(said.toString()).toBe('');
  const timer = Object.values(files)[1]!;
  expect(timer).toContain('OnCalendar=*-*-* 4:0:00 America/New_York');
  expect(timer).toContain('Persistent=true');
});

test.runIf(cron)('a real cron starts the night that is due, and other lines of the crontab stay', async () => {
  const folder = scratch();
  const work = join(folder, ODD);
  for (const name of [ODD, 'spool', 'spool/crontabs', 'cron.d']) mkdirSync(join(folder, name));
  writeFileSync(join(work, '.env'), 'SYMBOLS=60\nHISTORY_SESSIONS=0\n');
  const command = (verb: string) => `'${process.execPath}' '${cli}' schedule ${verb} --with cron`;
  // Nobody outside of this mount namespace sees another crontab.
  const script = `
    set -e
    mount --bind '${folder}/spool' /var/spool/cron
    mount --bind '${folder}/cron.d' /etc/cron.d
    mount --bind /dev/null /etc/crontab
    mount -t tmpfs tmpfs /run
    echo '5 5 1 1 * true' | crontab -
    ${command('--install')}
    ${command('--install')}
    crontab -l > '${folder}/installed'
    crontab -n '${folder}/installed'
    cron
    while ! grep -q '"start"' "$AFTERBELL_HOME/schedule.json"; do sleep 0.2; done
    kill $(cat /run/crond.pid)
    ${command('--remove')}
    crontab -l > '${folder}/removed'`;
  writeFileSync(join(home, 'schedule.json'), '{}');
  const child = spawn('unshare', ['-m', '--fork', '--pid', '--kill-child', 'sh', '-c', script], {
    cwd: work,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const code = await new Promise((done) => child.once('close', done));
  expect(code, said).toBe(0);
  expect(readFileSync(join(home, 'logs', 'schedule.log'), 'utf8')).toMatch(/is due[\s\S]*(Skipped|Succeeded)/);
  const installed = readFileSync(join(folder, 'installed'), 'utf8').split('\n');
  expect(installed[0]).toBe('5 5 1 1 * true');
  expect(installed.filter((line) => line.startsWith('@reboot'))).toHaveLength(1);
  expect(readFileSync(join(folder, 'removed'), 'utf8')).toBe('5 5 1 1 * true\n');
});
