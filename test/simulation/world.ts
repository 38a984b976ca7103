import type { Random } from './random.ts';

/** One effect on the outside: a call to a store or a vendor. */
interface Effect {
  owner: Owner;
  name: string;
  begin: () => void;
}

/** A process in the world; when it dies its effects and timers go with it. */
export interface Owner {
  readonly name: string;
  alive: boolean;
}

interface Timer {
  at: number;
  id: number;
  owner: Owner;
  act: () => void;
}

/** What is to go wrong with an effect: told its name, answers how, or nothing. */
export type Fault = (name: string, owner: Owner) => Wrong | undefined;

/** `before`: the effect does not happen; `after`: it does, and its caller never hears of it. */
export interface Wrong {
  before?: () => Error | undefined;
  after?: () => Error | undefined;
  /** Milliseconds it takes. */
  slow?: number;
}

/**
 * Time and order. Processes run until all of them wait for something outside; then one effect that waits is chosen by
 * the seed and carried out alone, or, if there is none, the clock goes on to the next timer. So one seed has one history.
 */
export class World {
  /** Milliseconds since 1970, as the processes read them. */
  wall: number;
  /** Milliseconds since the beginning, which no change of the clock touches. */
  elapsed = 0;
  readonly log: string[] = [];
  fault: Fault = () => undefined;
  effects = 0;
  readonly #random: Random;
  #waiting: Effect[] = [];
  #underWay = 0;
  /** Told when nothing is under way any more. */
  #onIdle: (() => void) | undefined;
  #timers: Timer[] = [];
  #timerId = 0;

  constructor(start: string, random: Random) {
    this.wall = Date.parse(start);
    this.#random = random;
  }

  now(): Date {
    return new Date(this.wall);
  }

  say(line: string): void {
    this.log.push(`${new Date(this.wall).toISOString()} ${line}`);
  }

  /** Waits for its turn, then does `work` as the only effect under way. The answer never reaches a dead process. */
  effect<T>(owner: Owner, name: string, work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!owner.alive) return;
      const begin = () => {
        this.#underWay += 1;
        this.effects += 1;
        void this.#carryOut(owner, name, work)
          .then(
            (value) => owner.alive && resolve(value),
            (error: unknown) => owner.alive && reject(error),
          )
          .finally(() => this.#done());
      };
      this.#waiting.push({ owner, name, begin });
    });
  }

  async #carryOut<T>(owner: Owner, name: string, work: () => T | Promise<T>): Promise<T> {
    const wrong = this.fault(name, owner);
    const shown = wrong ? ` !${wrong.before ? 'before' : wrong.after ? 'after' : 'slow'}` : '';
    this.log.push(`  ${owner.name} ${name}${shown}`);
    // Dead before its effect: nobody hears of this.
    if (!owner.alive) throw new Error(`${owner.name} is dead`);
    if (wrong?.slow) this.pass(wrong.slow);
    const refused = wrong?.before?.();
    if (refused) throw refused;
    const result = await work();
    const lost = wrong?.after?.();
    if (lost) throw lost;
    return result;
  }

  /** An effect that is over at once and lets nobody in between; none of a dead process. */
  effectNow<T>(owner: Owner, name: string, work: () => T): T {
    const dead = () => new Error(`${owner.name} is dead`);
    if (!owner.alive) throw dead();
    this.effects += 1;
    const wrong = this.fault(name, owner);
    this.log.push(`  ${owner.name} ${name}${wrong?.before ? ' !before' : ''}`);
    if (!owner.alive) throw dead();
    const refused = wrong?.before?.();
    if (refused) throw refused;
    return work();
  }

  /** Work of another thread or of the event loop itself: nothing else happens until it is done. */
  async outside<T>(work: () => Promise<T>): Promise<T> {
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#done();
    }
  }

  #done(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#onIdle?.();
  }

  /** Time passes without anybody's timer coming first. */
  pass(ms: number): void {
    this.wall += ms;
    this.elapsed += ms;
  }

  timer(owner: Owner, ms: number, act: () => void): number {
    const id = ++this.#timerId;
    const at = this.elapsed + Math.max(0, Number.isFinite(ms) ? ms : 0);
    const place = this.#timers.findLastIndex((other) => other.at <= at);
    this.#timers.splice(place + 1, 0, { at, id, owner, act });
    return id;
  }

  clearTimer(id: number): void {
    const place = this.#timers.findIndex((timer) => timer.id === id);
    if (place >= 0) this.#timers.splice(place, 1);
  }

  kill(owner: Owner): void {
    owner.alive = false;
    this.#waiting = this.#waiting.filter((effect) => effect.owner !== owner);
    this.#timers = this.#timers.filter((timer) => timer.owner !== owner);
  }

  /** Lets the world run until `work` has ended. @throws Error when nothing is left that could end it */
  async run<T>(work: Promise<T>): Promise<T> {
    let ended = false;
    const note = () => {
      ended = true;
    };
    work.then(note, note);
    for (;;) {
      await this.#quiet();
      if (ended) return work;
      if (!this.#next()) throw new Error(`the world stands still:\n${this.log.slice(-20).join('\n')}`);
    }
  }

  async #quiet(): Promise<void> {
    await immediate();
    while (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      await immediate();
    }
  }

  #next(): boolean {
    if (this.#waiting.length > 0) {
      const place = this.#waiting.length === 1 ? 0 : this.#random.int(0, this.#waiting.length - 1);
      const [effect] = this.#waiting.splice(place, 1);
      effect!.begin();
      return true;
    }
    const timer = this.#timers.shift();
    if (!timer) return false;
    if (timer.at > this.elapsed) this.pass(timer.at - this.elapsed);
    timer.act();
    return true;
  }
}

function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
