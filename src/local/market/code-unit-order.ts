/** Sort order of symbols: plain code units, never a locale's, so `KIMpL` and `KIMPL` have one order everywhere. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
