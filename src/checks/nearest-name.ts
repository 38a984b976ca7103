/**
 * What somebody who wrote `text` may have meant: the known name with the fewest letters put in, left out, changed or
 * swapped, upper and lower case being alike; undefined when more than a third of them would have to be.
 */
export function nearestName(text: string, known: Iterable<string>): string | undefined {
  const wanted = text.toLowerCase();
  let nearest: string | undefined;
  let fewest = Math.max(1, Math.floor(text.length / 3)) + 1;
  for (const name of known) {
    // The difference in length is the least there can be, and spares looking at most of thousands of symbols.
    if (Math.abs(name.length - text.length) >= fewest) continue;
    const edits = editsBetween(wanted, name.toLowerCase());
    if (edits < fewest) [nearest, fewest] = [name, edits];
  }
  return nearest;
}

/** The same as the last sentence of an error; undefined when nothing is near. */
export function didYouMean(text: string, known: Iterable<string>): string | undefined {
  const name = nearestName(text, known);
  return name === undefined ? undefined : `Did you mean ${name}?`;
}

/** Damerau's distance, each pair of letters swapped at most once. */
function editsBetween(a: string, b: string): number {
  let [before, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
