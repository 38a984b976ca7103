/** NYSE closures of the years that are simulated, written down apart from the calendar under test (nyse.com). */
const CLOSED = new Set([
  ...['2025-01-01', '2025-01-09', '2025-01-20', '2025-02-17', '2025-04-18', '2025-05-26', '2025-06-19', '2025-07-04'],
  ...['2025-09-01', '2025-11-27', '2025-12-25', '2026-01-01', '2026-01-19', '2026-02-16', '2026-04-03', '2026-05-25'],
  ...['2026-06-19', '2026-07-03', '2026-09-07', '2026-11-26', '2026-12-25'],
]);
/** Closes at 13:00 in New York. */
const EARLY = new Set(['2025-07-03', '2025-11-28', '2025-12-24', '2026-11-27', '2026-12-24']);
/** Place of 2025-01-02 among the sessions since 1990-01-02, which is 0. */
const FIRST = { date: '2025-01-02', number: 8817 };
const DAY_MS = 86_400_000;

/** Sessions of the simulated years, in order. */
export const SESSIONS: readonly string[] = days('2025-01-02', '2026-09-30').filter((date) => {
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay();
  return weekday !== 0 && weekday !== 6 && !CLOSED.has(date);
});

export function days(from: string, to: string): string[] {
  const found: string[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY_MS)
    found.push(new Date(at).toISOString().slice(0, 10));
  return found;
}

/** Sessions since 1990-01-02. */
export function numberOf(date: string): number {
  return FIRST.number + SESSIONS.indexOf(date) - SESSIONS.indexOf(FIRST.date);
}

export function sessionNumbered(number: number): string | undefined {
  return SESSIONS[number - FIRST.number + SESSIONS.indexOf(FIRST.date)];
}

/** Hours New York is behind UTC on a day; the clocks change at two in the morning. */
export function hoursBehind(date: string): number {
  const summer = [
    ['2025-03-09', '2025-11-02'],
    ['2026-03-08', '2026-11-01'],
  ].some(([from, to]) => date >= from! && date < to!);
  return summer ? 4 : 5;
}

/** Four in the morning in New York after a session. */
export function morningAfter(session: string): string {
  const next = new Date(Date.parse(`${session}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10);
  return `${next}T0${4 + hoursBehind(next)}:00:00.000Z`;
}

/** Epoch ms at which a session closes. */
export function closeOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) + ((EARLY.has(date) ? 13 : 16) + hoursBehind(date)) * 3_600_000;
}

/** The last session closed at an instant. */
export function lastClosed(at: number): string {
  return SESSIONS.findLast((date) => closeOf(date) <= at)!;
}
