import { DATASET_OF_TASK } from '../datasets/registry.ts';
import type { NightKind } from '../records/run.ts';
import type { Stores } from '../stores.ts';
import { statement } from '../text.ts';
import sql from '../warehouse/ledger.sql';
import { timestamp } from '../warehouse/ledger.ts';
import type { Begun } from './executions.ts';

const interruptNightSql = statement(sql, 'interrupt-night');
const knownRunSql = statement(sql, 'known-run');

/** An execution of this home that ended without a verdict of its own. */
export interface Lost extends Begun {
  /** Step Functions' word. */
  status: string;
  error: string;
  cause: string;
  /** Instant at which it ended, or was found to have, ISO. */
  endedAt: string;
}

/** What is known of one whose process was killed. */
export const KILLED = {
  status: 'ABORTED',
  error: 'Job.Interrupted',
  cause: 'its process ended before it did (killed, or the computer went down)',
} as const;

/** Pure: why a run has no verdict, in the words of the notice; `status` and the ledger say the same. */
export function lostReason({ error, cause }: Pick<Lost, 'error' | 'cause'>): string {
  return `${error}: ${cause}`;
}

export interface NamedRun {
  kind: NightKind;
  session: string;
  /** ISO, to the second. */
  startedAt: string;
}

const NAME = /^([a-z0-9-]+)-(\d{4}-\d\d-\d\d)-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/;

/** Pure: what the name of an execution says of its run; undefined where it is none of the nightly machine. */
export function runOfName(name: string): NamedRun | undefined {
  const [, word = '', session = '', year, month, day, ...clock] = NAME.exec(name) ?? [];
  const kind = kindOf(word);
  if (kind === undefined) return undefined;
  return { kind, session, startedAt: `${year}-${month}-${day}T${clock.join(':')}.000Z` };
}

function kindOf(word: string): NightKind | undefined {
  if (word === 'night' || word === 'backfill' || word === 'release') return word;
  return word in DATASET_OF_TASK || word === 'consolidate' || word === 'resample' ? 'task' : undefined;
}

/**
 * Enters a lost execution in the ledger as Interrupted, so that `status` says what the notice does.
 * - `entered`: it stands there now, or it is none that the ledger keeps
 * - `unknown`: the ledger cannot be written yet
 * - `nothing`: it was well closed, or had nothing to do, as its session was done before; nobody has to be told
 */
export async function enterLost(
  lost: Lost,
  { warehouse, runs }: Pick<Stores, 'warehouse' | 'runs'>,
): Promise<'entered' | 'unknown' | 'nothing'> {
  const run = runOfName(lost.name);
  if (!run) return 'entered';
  try {
    const [ledger] = await warehouse.query("SELECT to_regclass('nights')::text AS nights");
    const [known] = ledger?.nights ? await warehouse.query(knownRunSql, { run_id: lost.name }) : [];
    if (known?.status === 'Succeeded') return 'nothing';
    if (!known && run.kind === 'night') {
      const state = await runs.sessionState(run.session);
      if (state?.status === 'Succeeded' && state.pricesDone) return 'nothing';
    }
    if (!ledger?.nights) return 'unknown';
    await warehouse.query(interruptNightSql, {
      run_id: lost.name,
      session: run.session,
      kind: run.kind,
      execution_arn: lost.arn,
      started_at: timestamp(lost.startTime || run.startedAt),
      completed_at: timestamp(lost.endedAt),
      reason: lostReason(lost),
    });
    return 'entered';
  } catch {
    return 'unknown';
  }
}
