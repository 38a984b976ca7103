/** Sessions with their tokens as lines, each begun and ended by a line feed, so that a date is found by its line. */
export function sessionText(tokens: ReadonlyMap<string, string>): string {
  let text = '\n';
  for (const [date, token] of tokens) text += `${date} ${token}\n`;
  return text;
}

/** Whether the text has a line for the date. */
export function hasSession(text: string, date: string): boolean {
  return text.includes(`\n${date} `);
}

/**
 * Dates whose line is another in one text than in the other, or only in one. Lines are in date order, and a night
 * changes a few of thousands: nothing is made of those before and behind the first and last difference.
 */
export function differingDates(before: string, now: string): string[] {
  if (before === now) return [];
  const shorter = Math.min(before.length, now.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === now.charCodeAt(start)) start += 1;
  let tail = 0;
  while (
    tail < shorter - start &&
    before.charCodeAt(before.length - 1 - tail) === now.charCodeAt(now.length - 1 - tail)
  )
    tail += 1;
  // Whole lines only: from the feed before the first difference to the one behind the last.
  start = start === 0 ? 0 : now.lastIndexOf('\n', start - 1);
  const old = linesOf(before, start, tail);
  const dates = new Set<string>();
  for (const [date, token] of linesOf(now, start, tail)) {
    if (old.get(date) !== token) dates.add(date);
    old.delete(date);
  }
  return [...dates, ...old.keys()];
}

function linesOf(text: string, start: number, tail: number): Map<string, string> {
  const end = text.indexOf('\n', Math.max(start, text.length - tail));
  const lines = text.slice(start, end < 0 ? text.length : end).split('\n');
  return new Map(lines.filter(Boolean).map((line) => [line.slice(0, 10), line.slice(11)]));
}
