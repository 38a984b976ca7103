import type { RouteName } from './market-route.ts';
import type { Misbehaviour, MisbehaviourName } from './misbehaviour.ts';

/** These answer instead of the route, so only one of them can be in force for a request. */
const REFUSALS: readonly MisbehaviourName[] = ['unauthorized', 'rate-limit', 'server-error', 'before-end-of-day'];

/** Counts down what was wished for. */
export class MisbehaviourLedger {
  readonly #left: { wish: Misbehaviour; times: number }[];
  #refused = 0;

  constructor(wishes: readonly Misbehaviour[]) {
    this.#left = wishes.map((wish) => ({ wish, times: wish.times }));
  }

  /**
   * What is in force for the next request of a route; each wish in force has one request less to go. Of several
   * refusals the first wished for acts alone, so `rate-limit:2, server-error:1` is two 429 and then one 502.
   */
  take(route: RouteName): Set<MisbehaviourName> {
    const live = this.#left.filter(({ wish, times }) => times > 0 && wish.routes.includes(route));
    const refusal = live.find(({ wish }) => REFUSALS.includes(wish.name));
    const acting = refusal === undefined ? live : [refusal];
    const seen = new Set<MisbehaviourName>();
    for (const entry of acting) {
      if (seen.has(entry.wish.name)) continue;
      seen.add(entry.wish.name);
      entry.times -= 1;
    }
    return seen;
  }

  /** Numbers the 429s from 1: every second one comes with an empty body. */
  nextRefusal(): number {
    this.#refused += 1;
    return this.#refused;
  }
}
