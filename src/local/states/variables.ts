/** The workflow variables of one scope; outer ones are seen through it and never written. */
export class Variables {
  readonly #outer: Variables | undefined;
  readonly #values = new Map<string, unknown>();

  constructor(outer?: Variables) {
    this.#outer = outer;
  }

  has(name: string): boolean {
    return this.#values.has(name) || (this.#outer?.has(name) ?? false);
  }

  get(name: string): unknown {
    return this.#values.has(name) ? this.#values.get(name) : this.#outer?.get(name);
  }

  assign(values: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(values)) this.#values.set(name, value);
  }
}
