/** So many seeds after one another share a past, which is the same whatever comes of it. */
const SEEDS_A_PAST = 10;

/** @returns number of the past of a seed */
export function pastOf(seed) {
  return Math.ceil(seed / SEEDS_A_PAST);
}
