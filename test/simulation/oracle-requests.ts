/** Requests of one execution: the plan's pace is kept, and no answer is asked for twice. */
export class Requests {
  /** When Polygon was asked, in milliseconds of virtual time. */
  #polygon: { at: number; url: string }[] = [];
  /** How often a request was answered with something. */
  #answered = new Map<string, number>();

  begin(): void {
    this.#polygon = [];
    this.#answered = new Map();
  }

  ask(url: string, at: number): void {
    if (url.includes('polygon')) this.#polygon.push({ at, url });
  }

  hear(target: string, status: number, body: string): void {
    // A session that is not there yet is asked for again, and so is a file without a row.
    const isEmpty = body.includes('"resultsCount":0') || (target.includes('-bulk') && !body.trim().includes('\n'));
    if (status !== 200 || isEmpty) return;
    this.#answered.set(target, (this.#answered.get(target) ?? 0) + 1);
  }

  /** @param perMinute 0: unlimited */
  checkPace(perMinute: number): string[] {
    const asked = this.#polygon;
    for (let from = 0, to = 0; perMinute > 0 && to < asked.length; to += 1) {
      while (asked[to]!.at - asked[from]!.at >= 60_000) from += 1;
      if (to - from + 1 <= perMinute) continue;
      const shown = asked.slice(from, to + 1).map(({ at, url }) => `${(at / 1000).toFixed(1)} ${url.slice(0, 90)}`);
      return [`${to - from + 1} calls of Polygon within a minute, ${perMinute} may be:\n    ${shown.join('\n    ')}`];
    }
    return [];
  }

  checkRepeats(): string[] {
    const repeated = [...this.#answered].filter(([, times]) => times > 1);
    return repeated.map(([target, times]) => `answered ${times} times in one night: ${target}`);
  }
}
