export interface Planted {
  name: string;
  /** The patch. */
  file: string;
  what: string;
}

export type Seen = Record<string, { seed: number; problem: string }>;

export function bugs(): Planted[];
export function seenSeeds(): Seen;
export function find(
  planted: readonly Planted[],
  seedsOf?: (name: string) => readonly number[],
): Promise<{ name: string; seed?: number; problems?: string[] }[]>;
export function tableOf(planted: readonly Planted[], seen: Seen): string;
