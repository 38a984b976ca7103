import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { startsAround } from '../calendar/schedule.ts';
import { settingsOfShell } from '../config.ts';
import { isNamed, NamedError } from '../errors.ts';
import {
  crontabLines,
  editedCrontab,
  type NightlyStart,
  readScheduleRecord,
  SCHEDULE_RECORD,
  systemdUnits,
  TIMERS,
  type TimerKind,
  timerName,
  writeScheduleRecord,
} from '../local/nightly-timer.ts';
import { exchangeTime, list, shellWord } from '../text.ts';
import { type Context, requireBegun } from './context.ts';
import { night } from './night.ts';
import { localOnly } from './pipeline.ts';
import { npxFolder, npxPackage, projectRoot } from './stand.ts';

export interface ScheduleOptions {
  with?: string;
  install?: boolean;
  remove?: boolean;
  run?: boolean;
  onFailure?: string;
}

/** Prints, sets up or removes what starts nights of this data directory by NIGHT_SCHEDULE; `--run` is what that calls. */
export async function schedule(options: ScheduleOptions, context: Context): Promise<number> {
  if (context.stage) throw localOnly('schedule', 'a stage starts its own nights (terraform/variables.tf, schedule)');
  const { install, remove, run } = options;
  if ([install, remove, run].filter(Boolean).length > 1)
    throw new NamedError('Usage.Invalid', { what: '--install, --remove and --run exclude each other', wanted: 'one' });
  const home = resolve(context.config.AFTERBELL_HOME);
  if (remove) return removeTimer(home, context);
  if (install) requireInstalled();
  await requireBegun(context);
  const { last, next } = startsOf(context);
  if (run) return runDue(home, last, context);
  const kind = await kindOf(options.with);
  const start = startOf(home, next, options.onFailure, context);
  return install ? installTimer(kind, start, next, context) : printTimer(kind, start, context);
}

/** @throws Usage.Invalid in npx's cache, which is no place for what has to be there every night */
function requireInstalled(): void {
  const cache = npxFolder();
  if (cache === undefined) return;
  throw new NamedError('Usage.Invalid', {
    what: "this afterbell is in npx's cache, which npm may empty",
    found: projectRoot(),
    wanted: 'an installed one',
    todo: `Install it: npm install --global ${shellWord(npxPackage(cache) ?? 'PACKAGE')}; then: afterbell schedule --install`,
  });
}

/** @throws Usage.Invalid for a schedule that names no hours */
function startsOf({ config, now }: Context): { last: Date; next: Date } {
  const starts = startsAround({ expression: config.NIGHT_SCHEDULE, zone: config.SCHEDULE_TIMEZONE }, now);
  if (starts) return starts;
  throw new NamedError('Usage.Invalid', {
    what: 'NIGHT_SCHEDULE names no hours to start at',
    found: config.NIGHT_SCHEDULE,
    wanted: 'cron(minute hour day month weekday year)',
  });
}

/** One night for all starts that were missed. What was interrupted, or met another command, is due still. */
async function runDue(home: string, last: Date, context: Context): Promise<number> {
  const record = (await readScheduleRecord(home)) ?? {};
  if (record.start !== undefined && record.start >= last.toISOString()) {
    if (context.terminal.json) context.terminal.print(JSON.stringify({ due: false, start: record.start }));
    return 0;
  }
  const made = () => writeScheduleRecord(home, { ...record, start: last.toISOString() });
  context.terminal.note(`${new Date().toISOString()}: the start of ${exchangeTime(last)} is due.`);
  try {
    const code = await night({}, context);
    if (!context.signal.aborted) await made();
    return code;
  } catch (error) {
    if (!context.signal.aborted && !isNamed(error, 'Home.Busy')) await made();
    throw error;
  }
}

async function kindOf(asked: string | undefined): Promise<TimerKind> {
  const kind = TIMERS.find((one) => one === asked);
  if (kind) return kind;
  if (asked !== undefined)
    throw new NamedError('Usage.Invalid', {
      what: `no nights are started with ${asked}`,
      wanted: `one of ${TIMERS.join(', ')}`,
    });
  // A container may have systemd's programs, and nobody who runs them.
  return (await outputOf('systemctl', ['--user', 'show-environment'])).failed ? 'cron' : 'systemd';
}

function startOf(home: string, next: Date, onFailure: string | undefined, { config }: Context): NightlyStart {
  return {
    home,
    workingDirectory: process.cwd(),
    node: process.execPath,
    program: join(projectRoot(), 'dist', 'cli', 'afterbell.mjs'),
    log: join(home, 'logs', 'schedule.log'),
    schedule: { expression: config.NIGHT_SCHEDULE, zone: config.SCHEDULE_TIMEZONE },
    minute: next.getMinutes(),
    ...(onFailure === undefined ? {} : { onFailure }),
  };
}

function printTimer(kind: TimerKind, start: NightlyStart, context: Context): number {
  const { terminal } = context;
  warnOfShell(context);
  const folder = unitFolder();
  const files = kind === 'systemd' ? systemdUnits(start) : {};
  const crontab = kind === 'cron' ? crontabLines(start) : [];
  if (terminal.json) {
    terminal.print(JSON.stringify({ with: kind, name: timerName(start.home), folder, files, crontab }));
    return 0;
  }
  for (const [name, text] of Object.entries(files)) terminal.print([`# ${join(folder, name)}`, ...text.split('\n')]);
  if (kind === 'cron') terminal.print(crontab);
  terminal.note(`Nothing is set up yet. The same command with --install does it; the log will be ${start.log}.`);
  return 0;
}

/** The night finds settings in `.env`; a shell's own end with the shell. */
function warnOfShell({ terminal }: Context): void {
  const names = settingsOfShell('.env').filter((name) => name !== 'AFTERBELL_HOME');
  if (names.length === 0) return;
  const [are, them] = names.length === 1 ? ['is', 'it'] : ['are', 'them'];
  terminal.note(
    `${list(names)} ${are} set in this shell only: put ${them} into .env here, or scheduled nights run without.`,
  );
}

async function installTimer(kind: TimerKind, start: NightlyStart, next: Date, context: Context): Promise<number> {
  const { home } = start;
  const record = (await readScheduleRecord(home)) ?? {};
  warnOfShell(context);
  // Never both.
  if (record.with !== undefined && record.with !== kind) await REMOVE[record.with](home);
  if (kind === 'systemd') await installUnits(start);
  else await replaceCrontab(home, crontabLines(start));
  await writeScheduleRecord(home, { ...record, with: kind });
  const { terminal } = context;
  if (terminal.json)
    terminal.print(JSON.stringify({ installed: kind, name: timerName(home), next: next.toISOString() }));
  else {
    terminal.print(`Set up with ${kind}: the next night starts ${exchangeTime(next)}. Log: ${start.log}`);
    if (kind === 'systemd')
      terminal.note('It runs while you are logged in; without that after: loginctl enable-linger');
    else
      terminal.note(
        'After sleep a missed night starts within the hour. A bad night is mailed if this computer can send mail.',
      );
  }
  return 0;
}

async function removeTimer(home: string, { terminal }: Context): Promise<number> {
  const removed: TimerKind[] = [];
  for (const kind of TIMERS) if (await REMOVE[kind](home)) removed.push(kind);
  const { with: _, ...record } = (await readScheduleRecord(home)) ?? {};
  if (removed.length > 0) await rm(join(home, SCHEDULE_RECORD), { force: true });
  if (terminal.json) terminal.print(JSON.stringify({ removed, ...record }));
  else terminal.print(removed.length > 0 ? `Removed from ${list(removed)}.` : `Nothing was set up for ${home}.`);
  return 0;
}

/** Each says whether there was something. */
const REMOVE: Record<TimerKind, (home: string) => Promise<boolean>> = {
  systemd: async (home) => {
    const name = timerName(home);
    const paths = ['service', 'timer'].map((end) => join(unitFolder(), `${name}.${end}`));
    const found = await Promise.all(
      paths.map((path) =>
        rm(path).then(
          () => true,
          () => false,
        ),
      ),
    );
    if (!found.includes(true)) return false;
    await outputOf('systemctl', ['--user', 'disable', '--now', `${name}.timer`]);
    await outputOf('systemctl', ['--user', 'daemon-reload']);
    return true;
  },
  cron: async (home) => {
    const crontab = await outputOf('crontab', ['-l']);
    if (crontab.failed || editedCrontab(crontab.stdout, home) === editedCrontab(crontab.stdout, '')) return false;
    await replaceCrontab(home, []);
    return true;
  },
};

function unitFolder(): string {
  return join(homedir(), '.config', 'systemd', 'user');
}

async function installUnits(start: NightlyStart): Promise<void> {
  const folder = unitFolder();
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(systemdUnits(start))) await writeFile(join(folder, name), text);
  await required('systemctl', ['--user', 'daemon-reload']);
  await required('systemctl', ['--user', 'enable', '--now', `${timerName(start.home)}.timer`]);
}

async function replaceCrontab(home: string, lines: readonly string[]): Promise<void> {
  const { failed, stdout, stderr } = await outputOf('crontab', ['-l']);
  // Whoever has none gets a new one; one that cannot be read must not be replaced.
  if (failed && !/^(crontab: )?no crontab for /.test(stderr)) throw refused('crontab -l', stderr);
  await required('crontab', ['-'], editedCrontab(failed ? '' : stdout, home, lines));
}

interface Output {
  /** The program is not there, or did not end well. */
  failed: boolean;
  stdout: string;
  stderr: string;
}

function outputOf(program: string, args: readonly string[], input?: string): Promise<Output> {
  return new Promise((done) => {
    const child = execFile(program, args, (error, stdout, stderr) =>
      done({ failed: error !== null, stdout, stderr: stderr || (error?.message ?? '') }),
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** @throws Usage.Invalid with what the program said */
async function required(program: string, args: readonly string[], input?: string): Promise<void> {
  const { failed, stderr } = await outputOf(program, args, input);
  if (failed) throw refused([program, ...args].join(' '), stderr);
}

function refused(command: string, stderr: string): NamedError {
  return new NamedError('Usage.Invalid', {
    what: `\`${command}\` failed, so that no night is scheduled`,
    found: stderr.trim().split('\n').join('; '),
    todo: `Install or start it, or use the other one: --with ${command.startsWith('crontab') ? 'systemd' : 'cron'}.`,
  });
}
