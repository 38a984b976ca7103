import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { onCalendar, type Schedule } from '../calendar/schedule.ts';
import { NamedError } from '../errors.ts';
import { jsonOrUndefined, shellWord } from '../text.ts';

export const TIMERS = ['systemd', 'cron'] as const;
export type TimerKind = (typeof TIMERS)[number];

/** What a timer has to know to start nights of one data directory. All paths are absolute. */
export interface NightlyStart {
  home: string;
  /** Where `.env` is read. */
  workingDirectory: string;
  node: string;
  /** The bundled command line. */
  program: string;
  log: string;
  schedule: Schedule;
  /** Minute of the hour at which this computer's clock meets the schedule. */
  minute: number;
  /** Shell command after a night that did not end well. */
  onFailure?: string;
}

/** The most that Debian's cron takes as one command. */
const CRON_COMMAND = 998;
/** Lines of the log that cron mails and the journal keeps after a bad end. */
const TAIL = 20;
/** Another command had the data directory: tried again, and nobody is told. */
const BUSY = 75;

/** Pure: one line for /bin/sh that ends as the night did, and says so where that was not well. */
export function shellLine(start: NightlyStart): string {
  const { home, workingDirectory, node, program, log, onFailure } = start;
  const path = [...new Set([node.slice(0, node.lastIndexOf('/')), '/usr/local/bin', '/usr/bin', '/bin'])].join(':');
  const settings = `PATH=${quoted(path)} AFTERBELL_HOME=${quoted(home)}`;
  const run = `cd ${quoted(workingDirectory)} && ${settings} ${quoted(node)} ${quoted(program)} schedule --run >>${quoted(log)} 2>&1`;
  const alarm =
    onFailure === undefined ? '' : ` AFTERBELL_EXIT=$code AFTERBELL_LOG=${quoted(log)} sh -c ${quoted(onFailure)};`;
  return `${run} || { code=$?; [ $code -eq ${BUSY} ] || { tail -n ${TAIL} ${quoted(log)};${alarm} }; exit $code; }`;
}

function quoted(text: string): string {
  if (/[\r\n\0]/.test(text))
    throw new NamedError('Usage.Invalid', { what: `${JSON.stringify(text)} has a line break`, wanted: 'one line' });
  return shellWord(text);
}

/** Pure: names the units and the block of a data directory, and nobody else's. */
export function timerName(home: string): string {
  const hash = createHash('sha256').update(home).digest('hex').slice(0, 8);
  return `afterbell-${basename(home).replace(/[^\w-]/g, '') || 'home'}-${hash}`;
}

/** Pure: file name → text of a systemd user service and the timer that starts it. */
export function systemdUnits(start: NightlyStart): Record<string, string> {
  const name = timerName(start.home);
  const about = start.home.replaceAll('%', '%%');
  const command = shellLine(start)
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('%', '%%')
    .replaceAll('$', '$$$$');
  // Where systemd has no words for the schedule, `schedule --run` decides each hour.
  const calendar = onCalendar(start.schedule) ?? `*-*-* *:${String(start.minute).padStart(2, '0')}:00`;
  return {
    [`${name}.service`]: [
      '[Unit]',
      `Description=afterbell, a night in ${about}`,
      '',
      '[Service]',
      'Type=oneshot',
      `ExecStart=/bin/sh -c "${command}"`,
      '# Tried again where another command had the data directory, or the night was killed; not where it said how it ended.',
      'Restart=on-failure',
      'RestartPreventExitStatus=1 2 3 4 129 130 143',
      'RestartSec=15min',
      '',
    ].join('\n'),
    [`${name}.timer`]: [
      '[Unit]',
      `Description=afterbell, the nights in ${about}`,
      '',
      '[Timer]',
      `OnCalendar=${calendar}`,
      '# A start that was missed while the computer slept or was off is made up for.',
      'Persistent=true',
      '',
      '[Install]',
      'WantedBy=timers.target',
      '',
    ].join('\n'),
  };
}

/**
 * Pure: the lines of a crontab. Crons differ in how they read time zones and none makes up for a missed start, so that
 * the line runs each hour, and `schedule --run` decides whether a start has passed in the schedule's own zone.
 * @throws Usage.Invalid for more than cron takes as one command
 */
export function crontabLines(start: NightlyStart): string[] {
  const command = shellLine(start).replaceAll('%', '\\%');
  if (command.length > CRON_COMMAND) {
    throw new NamedError('Usage.Invalid', {
      what: 'the entry is too long for a crontab',
      found: `${command.length} characters`,
      wanted: `at most ${CRON_COMMAND}`,
      todo: 'Put --on-failure into a script of its own, or use --with systemd.',
    });
  }
  const { begin, end } = marksOf(start.home);
  return [begin, `@reboot ${command}`, `${start.minute} * * * * ${command}`, end];
}

function marksOf(home: string): { begin: string; end: string } {
  const name = timerName(home);
  return { begin: `# ${name}: nights in ${home}`, end: `# ${name}: end` };
}

/** Pure: a crontab without the lines of a data directory, and with new ones at its end. */
export function editedCrontab(crontab: string, home: string, lines: readonly string[] = []): string {
  const { begin, end } = marksOf(home);
  const old = crontab.split('\n');
  const [from, to] = [old.indexOf(begin), old.indexOf(end)];
  if (from >= 0 && to > from) old.splice(from, to - from + 1);
  const kept = old.join('\n').trimEnd();
  return [...(kept === '' ? [] : [kept]), ...lines, ''].join('\n');
}

/** Lies in the data directory, and belongs to one computer. */
export const SCHEDULE_RECORD = 'schedule.json';
const ScheduleRecord = z.object({
  /** What `--install` set up; absent for an entry set up by hand. */
  with: z.enum(TIMERS).optional(),
  /** The newest start by the schedule that has been made, ISO UTC. */
  start: z.string().optional(),
});
/** What a data directory knows of the timer that starts its nights. */
export type ScheduleRecord = z.infer<typeof ScheduleRecord>;

/** Undefined where no timer was set up or has started anything. */
export async function readScheduleRecord(home: string): Promise<ScheduleRecord | undefined> {
  const text = await readFile(join(home, SCHEDULE_RECORD), 'utf8').catch(() => '');
  return ScheduleRecord.safeParse(jsonOrUndefined(text)).data;
}

/** Readers see the old record or the new one. */
export async function writeScheduleRecord(home: string, record: ScheduleRecord): Promise<void> {
  const draft = join(home, `${SCHEDULE_RECORD}.draft-${process.pid}`);
  await writeFile(draft, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  await rename(draft, join(home, SCHEDULE_RECORD));
}
