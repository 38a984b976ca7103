import * as z from 'zod';
import { firstProblem, NamedError } from '../errors.ts';
import type { NightReport } from '../records/run.ts';
import { type Lake, readJson } from './lake.ts';

const texts = z.array(z.string());
const about = z.string().optional();
const details = z.array(z.looseObject({ dataset: about, session: about, symbol: about, error: about }));
const count = z.number();
const instant = z.string().refine((text) => !Number.isNaN(Date.parse(text)), 'an instant');
const words = z.string().regex(/^\w{1,40}$/, 'a word');

/** What a page cannot be made without; what a later or an earlier version has besides stays. */
const report = z.looseObject({
  runId: z.string().min(1),
  session: z.iso.date(),
  kind: z.enum(['night', 'backfill', 'release', 'task']),
  status: z.enum(['Succeeded', 'Partial', 'Held', 'Skipped', 'Failed']),
  practice: z.boolean(),
  startedAt: instant,
  completedAt: instant,
  seconds: count,
  datasets: z.array(
    z.looseObject({
      name: z.string(),
      task: z.string(),
      status: words,
      rows: count,
      new: count,
      changed: count,
      revised: count,
      rejected: count,
      pages: count,
      seconds: count,
      reasons: texts,
      reasonDetails: details.optional(),
      failed: z.array(z.looseObject({ symbol: z.string(), reason: z.string() })).optional(),
    }),
  ),
  reasons: texts,
  reasonDetails: details.optional(),
  notes: texts,
  sessions: z.looseObject({ published: texts, held: texts, failed: texts }),
  releasing: z.looseObject({ sessions: count, changed: count, removed: count }).optional(),
  stages: z
    .array(
      z.looseObject({
        state: z.string(),
        item: about,
        seconds: count.optional(),
        retries: count,
        pages: count.optional(),
        error: about,
      }),
    )
    .optional(),
});

/**
 * A stored report of a run; undefined when there is none.
 * @throws Lake.Corrupt, naming the key, for what is no JSON or no report
 */
export async function readReport(lake: Lake, key: string): Promise<NightReport | undefined> {
  const stored = await readJson<unknown>(lake, key);
  if (stored === undefined) return undefined;
  const read = report.safeParse(stored);
  if (read.success) return stored as NightReport;
  throw new NamedError('Lake.Corrupt', {
    what: `${key} is no report of a run`,
    found: firstProblem(read.error),
    todo: 'A later run of its session writes it again: npx afterbell night --session DATE. Until then other nights are shown without it.',
  });
}
