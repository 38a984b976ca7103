import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sessionAt } from '../../src/calendar/calendar.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { keys, readJson } from '../../src/lake/lake.ts';
import { bar, publish } from '../lake/published.ts';
import { HANGS_MS } from '../limits.ts';
import { type Buildah, openBuildah } from './buildah.ts';

const JOBS = { consolidator: 'consolidate', resampler: 'resample' } as const;
const DATES = Array.from({ length: 5 }, (_, i) => sessionAt(9000 + i));

let buildah: Buildah | undefined;
let home: string;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'image-lake-'));
  buildah = await openBuildah();
  if (!buildah) process.stderr.write('SKIPPED: the job images, buildah is not here and cannot be installed\n');
}, HANGS_MS);

afterAll(() => {
  buildah?.close();
  rmSync(home, { recursive: true, force: true });
});

test(
  'both images build, and run a job as a user without rights, writing to /scratch and the lake only',
  async ({ skip }) => {
    if (!buildah) return skip();
    const lake = new FileLake(pathToFileURL(join(home, 'lake')).href);
    for (const date of DATES)
      await publish(
        lake,
        date,
        ['AAPL', 'BRK.B'].map((symbol) => bar(symbol, date)),
      );
    for (const [folder, job] of Object.entries(JOBS)) {
      const image = await buildah.build(folder);
      expect(await buildah.inspect(image)).toMatchObject({
        User: '10001:10001',
        Volumes: { '/scratch': {} },
        Entrypoint: ['node', '/app/main.mjs'],
        StopSignal: 'SIGTERM',
      });
      everybodyMayWrite(join(home, 'lake'));
      const { code, stdout, stderr, written } = await buildah.run(image, {
        argv: [],
        env: { LAKE_URI: 'file:///lake', RUN_ID: 'run-1', RESAMPLING_INTERVALS: '3', MEMORY_LIMIT_MB: '200' },
        volumes: { '/lake': join(home, 'lake') },
      });
      expect(code, stderr).toBe(0);
      expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({ job, status: 'success', symbols: 2 });
      expect(written).toEqual([]);
      expect(await readJson(lake, keys.jobResult(job))).toMatchObject({ runId: 'run-1' });
    }
    const refused = await buildah.run('localhost/afterbell-resampler:test', {
      argv: ['--fast'],
      env: { LAKE_URI: 'file:///lake' },
      volumes: { '/lake': join(home, 'lake') },
    });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('Usage.Invalid');
  },
  HANGS_MS,
);

test(
  'an image for another processor has that processor’s DuckDB, and nothing of it runs while it is built',
  async ({ skip }) => {
    if (!buildah) return skip();
    const other = process.arch === 'arm64' ? 'amd64' : 'arm64';
    const native = await buildah.buildFor(other, 'resampler');
    expect(native).toEqual([expect.stringContaining(`node-bindings-linux-${other === 'amd64' ? 'x64' : other}/`)]);
    for (const job of Object.keys(JOBS)) {
      const image = readFileSync(new URL(`../../batch-images/${job}/Dockerfile`, import.meta.url), 'utf8');
      const [, files, own] = image.split(/^FROM /m);
      expect(files, job).toMatch(/^--platform=\$BUILDPLATFORM /);
      expect(own, job).not.toMatch(/^RUN /m);
    }
  },
  HANGS_MS,
);

function everybodyMayWrite(folder: string): void {
  execFileSync('chmod', ['-R', 'a+rwX', folder]);
}
