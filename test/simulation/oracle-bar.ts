/** A bar as the vendor says it, in the vendor's letters. */
export interface Bar {
  o: number;
  h: number;
  l: number;
  c: number;
  v: number;
  vw: number | null;
  n: number | null;
}

/** Session → symbol → bar. */
export type Served = ReadonlyMap<string, ReadonlyMap<string, Bar>>;

export function barOf(row: Record<string, unknown>): Bar {
  const [o, h, l, c, v] = [
    row.o ?? row.open,
    row.h ?? row.high,
    row.l ?? row.low,
    row.c ?? row.close,
    row.v ?? row.volume,
  ] as number[];
  const [vw, n] = [row.vw ?? row.vwap ?? null, row.n ?? row.transactions ?? null] as (number | null)[];
  return { o: o!, h: h!, l: l!, c: c!, v: v!, vw: vw!, n: n! };
}

export function sameBar(a: Bar, b: Bar): boolean {
  return a.o === b.o && a.h === b.h && a.l === b.l && a.c === b.c && a.v === b.v && a.vw === b.vw && a.n === b.n;
}

export function same(a: ReadonlyMap<string, Bar>, b: ReadonlyMap<string, Bar>): boolean {
  if (a.size !== b.size) return false;
  for (const [symbol, bar] of a) {
    const other = b.get(symbol);
    if (!other || !sameBar(bar, other)) return false;
  }
  return true;
}

/** How two tables differ that have one row a key, in a few words. */
export function difference<T>(
  a: ReadonlyMap<string, T>,
  b: ReadonlyMap<string, T>,
  isSame: (a: T, b: T) => boolean,
): string | undefined {
  const gone = [...a.keys()].filter((key) => !b.has(key));
  const come = [...b.keys()].filter((key) => !a.has(key));
  const other = [...a.keys()].filter((key) => b.has(key) && !isSame(a.get(key)!, b.get(key)!));
  if (gone.length + come.length + other.length === 0) return undefined;
  const named = (list: string[]) => `${list.length}${list.length > 0 ? ` (${list.slice(0, 3).join(', ')})` : ''}`;
  const [first] = other;
  const shown = first === undefined ? '' : `: ${JSON.stringify(a.get(first))} ≠ ${JSON.stringify(b.get(first))}`;
  return `lacks ${named(gone)}, has besides ${named(come)}, has otherwise ${named(other)}${shown}`;
}

/** A symbol in the keys of the lake: bytes outside [A-Z0-9.-] are _xx. */
export function keyOf(symbol: string): string {
  return [...Buffer.from(symbol)]
    .map((byte) => String.fromCharCode(byte))
    .map((letter) => (/[A-Z0-9.-]/.test(letter) ? letter : `_${letter.charCodeAt(0).toString(16).padStart(2, '0')}`))
    .join('');
}
