/** Suffixes in Polygon's spelling and in FMP's; class shares follow the last rule. */
const SPELLINGS: readonly (readonly [ours: RegExp, theirs: string])[] = [
  [/^([A-Z]+)\.WS$/, '$1-WT'],
  [/^([A-Z]+)\.U$/, '$1-UN'],
  [/^([A-Z]+)p([A-Z]?)$/, '$1-P$2'],
  [/^([A-Z]+)r$/, '$1-RI'],
  [/^([A-Z]+)\.([A-Z])$/, '$1-$2'],
];

/** A symbol in Polygon's spelling (`BRK.B`, `KIMpL`, `ABC.WS`) as FMP writes it (`BRK-B`, `KIM-PL`, `ABC-WT`). */
export function fmpSymbol(symbol: string): string {
  for (const [ours, theirs] of SPELLINGS) if (ours.test(symbol)) return symbol.replace(ours, theirs);
  return symbol;
}

/** Our symbols by FMP's spelling; two of ours that FMP would write alike are in neither, so no row goes astray. */
export function byFmpSymbol(symbols: Iterable<string>): Map<string, string> {
  const found = new Map<string, string>();
  const twice = new Set<string>();
  for (const symbol of symbols) {
    const theirs = fmpSymbol(symbol);
    if (found.has(theirs)) twice.add(theirs);
    found.set(theirs, symbol);
  }
  for (const theirs of twice) found.delete(theirs);
  return found;
}
