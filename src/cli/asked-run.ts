import { NamedError } from '../errors.ts';
import type { Lake } from '../lake/lake.ts';
import { usableIngest } from '../lake/session-files.ts';
import { sortWithheld } from '../night/withheld.ts';
import { lakeReports, ledgerRuns, type RequestedRun, runOfLedger } from '../report/find-run.ts';
import type { ReportedRun } from '../report/model.ts';
import { there } from '../text.ts';
import type { SqlRow } from '../warehouse/client.ts';
import type { Context } from './context.ts';
import { endedRuns } from './ended-runs.ts';
import { withWarehouse } from './pipeline.ts';

/** @throws Usage.Invalid, saying which runs or sessions there are */
export async function findRun(asked: RequestedRun, lake: Lake, context: Context): Promise<ReportedRun> {
  return asOfNow(await storedRun(asked, lake, context), lake);
}

async function storedRun(asked: RequestedRun, lake: Lake, context: Context): Promise<ReportedRun> {
  const ledger = await withWarehouse(context, (warehouse) => ledgerRuns(warehouse, asked));
  const [row] = ledger ?? [];
  const reports = await lakeReports(lake, row ? { runId: String(row.run_id), session: String(row.session) } : asked);
  if (reports[0]) return reports[0];
  if (context.stage) {
    if (row) return runOfLedger(row, lake, true);
  } else {
    const { nights, owner } = await endedRuns(ledger ?? [], context.config.AFTERBELL_HOME);
    const known = row ? nights.find(({ run_id }) => run_id === row.run_id) : killed(nights, asked);
    if (known) return runOfLedger(known, lake, owner !== undefined);
  }
  throw await unknown(asked, lake, context);
}

/** A run that was killed before it came into the ledger. */
function killed(nights: readonly SqlRow[], { runId, session }: RequestedRun): SqlRow | undefined {
  return nights.find((row) =>
    runId === undefined ? session === undefined || row.session === session : row.run_id === runId,
  );
}

/** The run with what it withheld and nobody has published, or fetched again, since. */
export async function asOfNow(run: ReportedRun, lake: Lake): Promise<ReportedRun> {
  const { runId, sessions } = run;
  return sessions.held.length === 0 ? run : { ...run, waiting: (await sortWithheld(lake, runId, sessions.held)).ready };
}

async function unknown({ runId, session }: RequestedRun, lake: Lake, context: Context): Promise<NamedError> {
  if (runId?.startsWith('portfolio-')) {
    return new NamedError('Usage.Invalid', {
      what: `${runId} is a portfolio run, which has no page`,
      todo: `What it came to: npx afterbell portfolios${there(context)}`,
    });
  }
  const bringer = session && (await usableIngest(lake, session))?.runId;
  const known = (await withWarehouse(context, (warehouse) => ledgerRuns(warehouse, {}))) ?? [];
  const what = runId
    ? `no run is called ${runId}`
    : session
      ? `no night ran for session ${session}`
      : 'no night has run here yet';
  if (bringer) {
    return new NamedError('Usage.Invalid', {
      what,
      found: `its bars, brought by ${bringer}`,
      todo: `npx afterbell report --run ${bringer}${there(context)}`,
    });
  }
  if (known.length === 0) {
    return new NamedError('Usage.Invalid', {
      what,
      found: `nothing in ${lake.uri}`,
      todo: 'Run one: npx afterbell night. Or check AFTERBELL_HOME.',
    });
  }
  const far = (row: SqlRow) => Math.abs(Date.parse(String(row.session)) - Date.parse(session ?? ''));
  const near = session ? known.toSorted((a, b) => far(a) - far(b)) : known;
  const names = near.map((row) => String(runId ? row.run_id : row.session));
  return new NamedError('Usage.Invalid', {
    what,
    wanted: `one of ${[...new Set(names)].slice(0, 5).join(', ')}`,
    todo: `npx afterbell status${there(context)} lists the last runs.`,
  });
}
