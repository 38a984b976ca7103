/** A symbol of the reference list, in our spelling. */
export interface Listing {
  symbol: string;
  active: boolean;
}

/** What a foreign spelling stands for, or why it stands for nothing. */
export type Resolved = { symbol: string } | { reason: string };

/** `BRK.B`, but neither units (`ABC.U`) nor warrants (`ABC.WS`). */
const CLASS_SHARE = /^[A-Za-z]+\.[A-TV-Z]$/;

/**
 * Finds listings by a spelling that has lost its separator (`MOGA`, `MOG A` and `MOG.A` are MOG.A). Many real symbols
 * end in a letter that looks like a class (RUSHA, ZETA), so no rule on the spelling is safe: only the reference list
 * decides. An active listing of this very name, else the active class share that it is without its dot, else a
 * delisted one of this name.
 */
export function listingFinder(listings: Iterable<Listing>): (spelling: string) => Resolved {
  const activeByName = new Map<string, boolean>();
  const classShares = new Map<string, string>();
  for (const { symbol, active } of listings) {
    activeByName.set(symbol, active);
    if (active && CLASS_SHARE.test(symbol)) classShares.set(bareName(symbol), symbol);
  }
  return (spelling) => {
    if (activeByName.get(spelling)) return { symbol: spelling };
    // A class is one letter, so that no two symbols come to the same text without their dots.
    const classShare = classShares.get(bareName(spelling));
    if (classShare !== undefined) return { symbol: classShare };
    return activeByName.has(spelling) ? { symbol: spelling } : { reason: 'not in the reference list' };
  };
}

function bareName(symbol: string): string {
  return symbol.replace(/[\s./-]/g, '');
}
