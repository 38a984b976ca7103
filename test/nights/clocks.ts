import { execFileSync } from 'node:child_process';
import { skipped } from '../terraform/tooling.ts';

/** Whether a program is here; without it this says what is skipped, which is an error with REQUIRE_ALL=1. */
function has(command: string, args: readonly string[], what: string): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    skipped(what);
    return false;
  }
}

/** systemd's own reader of units and calendars. */
export const systemd = has(
  'systemd-analyze',
  ['--version'],
  'systemd does not read the timer (no systemd-analyze here)',
);

/** Debian's cron, for a root who may have a private view of the file system. */
export const cron = has(
  'unshare',
  ['-m', 'sh', '-c', 'command -v cron && command -v crontab && test $(id -u) = 0'],
  'no real cron starts a night (needs the package cron, root and unshare)',
);
