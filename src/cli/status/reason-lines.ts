/** Pure: text of at most so many characters, cut after a word. */
export function short(text: string, width = 110): string {
  if (text.length <= width) return text;
  return `${text
    .slice(0, width)
    .replace(/\s+\S*$/, '')
    .slice(0, width - 1)}…`;
}

/** Pure: what one cell of the ledger gives as reasons, `2025-11-19: few rows; 2025-11-19: …`, as a line a session. */
export function reasonLines(text: string): string[] {
  const lines: string[] = [];
  let session: string | undefined;
  for (const reason of text.split(/; (?=\d{4}-\d\d-\d\d: )/)) {
    const date = /^\d{4}-\d\d-\d\d(?=: )/.exec(reason)?.[0];
    if (date !== undefined && date === session) lines.push(`${lines.pop()}; ${reason.slice(date.length + 2)}`);
    else lines.push(reason);
    session = date;
  }
  return lines.map((line) => short(line));
}
