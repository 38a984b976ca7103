import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { HANGS_MS } from './test/limits.ts';

/** Minutes a file, so that none of them is left to run alone at the end. */
const LONG = ['rehearsal/', 'kills/', 'nights/misbehaviours', 'docs.test', 'terraform/', 'batch-images/', 'nights/'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = LONG.findIndex((part) => moduleId.includes(`/test/${part}`));
      return found < 0 ? LONG.length : found;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  plugins: [
    {
      name: 'sql-as-text',
      load(id) {
        return /\.(sql|md)$/.test(id) ? `export default ${JSON.stringify(readFileSync(id, 'utf8'))}` : null;
      },
    },
  ],
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build.ts'],
    testTimeout: HANGS_MS,
    hookTimeout: HANGS_MS,
    teardownTimeout: HANGS_MS,
    expect: { poll: { timeout: HANGS_MS } },
    // One more than the cores: whole nights wait for their processes half of the time.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // Of WebAssembly the tests have small databases only, which end before optimising would pay.
    execArgv: ['--liftoff-only'],
  },
});
