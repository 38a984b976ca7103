import type { ReportedRun, RunStatus } from './history.ts';

const SENTENCES: Record<RunStatus, (run: ReportedRun) => string> = {
  Succeeded: () => 'Everything that was due is done.',
  Partial: ({ datasets, sessions }) => {
    const withheld = sessions.held.length > 0 ? ` A gate refused ${list(sessions.held)}.` : '';
    const bad = datasets.filter(({ status }) => status !== 'success' && status !== 'skipped').map(({ name }) => name);
    return `What is served is sound, but not everything that was due is done: ${list(bad)}.${withheld} What was served of it before is served still.`;
  },
  Held: ({ sessions }) =>
    sessions.held.length > 0
      ? `A gate refused ${list(sessions.held)}. Nothing of it is served; it waits for a look. What was served before is served still.`
      : 'A gate refused what was fetched; it waits for a look. What was served before is served still.',
  Skipped: () => 'Nothing was due.',
  Failed: () => 'It did not reach its end. What was served before is served still.',
  Interrupted: () =>
    'The process or execution ended before its verdict. What was stored by then is sound, and the next run goes on from there.',
  Running: () => 'It has not ended yet; this page shows what is known so far.',
};

/** What the status word means for whoever reads it. */
export function statusSentence(run: ReportedRun): string {
  return SENTENCES[run.status](run);
}

/** `a, b and c` */
export function list(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

const CLOCK = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'America/New_York',
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});

/** An instant on the exchange's clock: `Fri, 20 Nov 2026, 04:00 New York`. */
export function exchangeTime(iso: string): string {
  return `${CLOCK.format(new Date(iso))} New York`;
}

/** `0.4 s`, `2 min 05 s`, `1 h 10 min` */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, '0')} min`;
  return `${minutes} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** 116,747 */
export function figure(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 4 });
}

/** `1 row`, `2 rows` */
export function counted(count: number, word: string): string {
  return `${figure(count)} ${word}${count === 1 ? '' : 's'}`;
}
