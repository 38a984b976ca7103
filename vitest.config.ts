import { readFileSync } from 'node:fs';
import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { HANGS_MS } from './test/limits.ts';

/** Minutes a file, so that none of them is left to run alone at the end. */
const LONG = ['rehearsal/', 'simulation/', 'kills/', 'terraform/', 'batch-images/', 'nights/', 'docs.test', 'hostile/'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ project, moduleId }: TestSpecification) => {
      const found = LONG.findIndex((part) => moduleId.includes(`/test/${part}`));
      // A process is shared by the files of one project that come after one another.
      return (project.config.isolate ? 0 : LONG.length + 1) + (found < 0 ? LONG.length : found);
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

/** They replace modules, set what modules read once or import tests, which only works in a process that has not loaded them. */
const ALONE = [
  'test/lake/file-lake.test.ts',
  'test/lake/power-loss.test.ts',
  'test/lambda.test.ts',
  'test/local/home-require-room.test.ts',
  'test/warehouse/on-postgres.test.ts',
];

/** They measure what their own process takes of memory, and end it where it hangs. */
const MEASURED = 'test/fuzz/**/*.test.ts';

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
    globalSetup: ['test/build.ts'],
    setupFiles: ['test/setup.ts'],
    testTimeout: HANGS_MS,
    hookTimeout: HANGS_MS,
    teardownTimeout: HANGS_MS,
    expect: { poll: { timeout: HANGS_MS } },
    // One more than the cores: whole nights wait for their processes half of the time.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // Of WebAssembly the tests have small databases only, which end before optimising would pay.
    execArgv: ['--liftoff-only'],
    projects: [
      { extends: true, test: { name: 'alone', include: [...ALONE, MEASURED] } },
      { extends: true, test: { name: 'scan', include: ['test/scan/**/*.test.ts'] } },
      { extends: true, test: { name: 'rehearsal', include: ['test/rehearsal/**/*.test.ts'] } },
      // To load the SDK, the databases and the sources takes longer than most files run.
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...ALONE, MEASURED, 'test/rehearsal/**', 'test/scan/**'],
          isolate: false,
        },
      },
    ],
  },
});
