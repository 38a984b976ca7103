export function pastOf(seed: number): number;
