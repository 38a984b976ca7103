import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** An execution that began here and whose end nobody saw. */
export interface Begun {
  arn: string;
  name: string;
  startTime: string;
}

/** Executions of this home by files in its logs: one that is there when a home is opened was killed with its process. */
export class RunningExecutions {
  readonly #folder: string;

  constructor(logs: string) {
    this.#folder = join(logs, 'running');
  }

  async begin(begun: Begun): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await writeFile(this.#fileOf(begun), JSON.stringify(begun));
  }

  async end(begun: Pick<Begun, 'name'>): Promise<void> {
    await rm(this.#fileOf(begun), { force: true });
  }

  /** Those of dead processes, oldest first. A file cut short by a full disk still has its name. */
  async leftBehind(): Promise<Begun[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const found = names.map(async (file): Promise<Begun> => {
      const text = await readFile(join(this.#folder, file), 'utf8');
      const name = file.replace(/\.json$/, '');
      try {
        return JSON.parse(text) as Begun;
      } catch {
        return { arn: name, name, startTime: '' };
      }
    });
    return (await Promise.all(found)).sort((a, b) => (a.startTime < b.startTime ? -1 : 1));
  }

  #fileOf({ name }: Pick<Begun, 'name'>): string {
    return join(this.#folder, `${name}.json`);
  }
}
