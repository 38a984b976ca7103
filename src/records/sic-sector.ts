/** Divisions of the Standard Industrial Classification by the first two digits of a code, as the SEC uses them. */
const DIVISIONS: readonly (readonly [from: number, to: number, name: string])[] = [
  [1, 9, 'Agriculture, Forestry and Fishing'],
  [10, 14, 'Mining'],
  [15, 17, 'Construction'],
  [20, 39, 'Manufacturing'],
  [40, 49, 'Transportation, Communications and Utilities'],
  [50, 51, 'Wholesale Trade'],
  [52, 59, 'Retail Trade'],
  [60, 67, 'Finance, Insurance and Real Estate'],
  [70, 89, 'Services'],
  [91, 99, 'Public Administration'],
];

/**
 * The sector of a SIC code of three or four digits (`3571` → Manufacturing), or undefined for none and for codes
 * outside of every division. Coarser than a market data vendor's sectors: whoever stores it names its source.
 * Source: the SIC manual's divisions A to J.
 */
export function sicSector(code: string | undefined): string | undefined {
  if (code === undefined || !/^\d{3,4}$/.test(code)) return undefined;
  const group = Number(code.padStart(4, '0').slice(0, 2));
  return DIVISIONS.find(([from, to]) => group >= from && group <= to)?.[2];
}
