import { spawn } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askedDate } from '../calendar/calendar.ts';
import { NamedError } from '../errors.ts';
import { keys, type Lake } from '../lake/lake.ts';
import { groupedReasons, readReasons } from '../records/reason.ts';
import { readHistory, sessionsUpTo } from '../report/data.ts';
import { lakeReports } from '../report/find-run.ts';
import type { ReportedRun } from '../report/model.ts';
import { nextSteps } from '../report/next-steps.ts';
import { reportPage, writePage } from '../report/page.ts';
import { counted, placeIn } from '../text.ts';
import { findRun } from './asked-run.ts';
import { type Context, homeLake } from './context.ts';
import { localOnly } from './pipeline.ts';
import { statusWord } from './terminal.ts';

export interface ReportOptions {
  session?: string;
  run?: string;
  open?: boolean;
  serve?: boolean;
  port?: string;
}

/** Renders the page of a run and says where it is; or serves all of them. */
export async function report(options: ReportOptions, context: Context): Promise<number> {
  if (options.session !== undefined && options.run !== undefined) {
    throw new NamedError('Usage.Invalid', {
      what: 'a report is of a session or of a run',
      found: 'both',
      wanted: 'one of --session and --run',
    });
  }
  const { config, terminal } = context;
  if (options.serve) {
    const why = "a stage's pages are fetched one by one: npx afterbell report --session D --stage NAME --open";
    if (context.stage) throw localOnly('report --serve', why);
    return (await import('./serve-reports.ts')).serveReports(options, context);
  }
  const asked = {
    ...(options.session === undefined ? {} : { session: askedDate(options.session) }),
    ...(options.run === undefined ? {} : { runId: options.run }),
  };
  const lake = homeLake(config);
  const run = await findRun(asked, lake, context);
  const key = await pageOf(run, lake);
  const path = context.stage
    ? await fetchPage(run, key, lake, context.stage.stage, context)
    : placeIn(lake, await writePage(lake, run, key, config.REPORT_SYMBOLS));
  if (terminal.json)
    terminal.print(JSON.stringify({ path, runId: run.runId, session: run.session, status: run.status }));
  else {
    terminal.note([runLine(run, terminal), ...(await explained(run, lake))]);
    terminal.print(path);
  }
  if (options.open) openPage(path, context);
  return 0;
}

function runLine({ status, kind, session, runId }: ReportedRun, terminal: Context['terminal']): string {
  return `${statusWord(status, terminal)}: ${kind === 'task' ? 'run' : kind} for session ${session} (${runId})`;
}

/** Reasons that a terminal shows; the page has every one. */
const REASONS = 8;

/** Why the run did not end well and what to do about it, as its page has it; nothing of a good one. */
async function explained(run: ReportedRun, lake: Lake): Promise<string[]> {
  if (run.status === 'Succeeded' || run.status === 'Skipped') return [];
  const reasons = groupedReasons(readReasons(run));
  const more = reasons.length - REASONS;
  const held = await sessionsUpTo(lake, run.session);
  const steps = nextSteps(run, { held }).map(({ why, command }) =>
    command ? `${why.replace(/[.:]$/, '')}: ${command}` : why,
  );
  return [
    ...reasons.slice(0, REASONS).map((reason) => `- ${reason}`),
    ...(more > 0 ? [`- ${counted(more, 'more reason')} on the page`] : []),
    ...steps,
  ];
}

/** The page a stage has stored, or one made here of what it has; in the folder for temporary files, never over there. */
async function fetchPage(
  run: ReportedRun,
  key: string,
  lake: Lake,
  stage: string,
  { config, terminal }: Pick<Context, 'config' | 'terminal'>,
): Promise<string> {
  const history = () => readHistory(lake, run, config.REPORT_SYMBOLS);
  const page = (await lake.read(key)) ?? (await reportPage(run, await history(), terminal.typed));
  // A folder of its own that nobody else can enter, under a name nobody can know before.
  const path = join(await mkdtemp(join(tmpdir(), `afterbell-${stage}-`)), 'report.html');
  await writeFile(path, page, { flag: 'wx', mode: 0o600 });
  return path;
}

/** A night's own page is index.html; a run without a report of its own must not take its place. */
async function pageOf(run: ReportedRun, lake: Lake): Promise<string> {
  const [current] =
    run.kind === 'night' || run.kind === 'release' ? await lakeReports(lake, { session: run.session }) : [];
  return keys.report(run.session, current?.runId === run.runId ? 'index.html' : `run=${run.runId}.html`);
}

function openPage(path: string, { terminal }: Context): void {
  const [program, ...args] =
    process.platform === 'darwin' ? ['open'] : process.platform === 'win32' ? ['cmd', '/c', 'start', ''] : ['xdg-open'];
  const child = spawn(program!, [...args, path], { detached: true, stdio: 'ignore' });
  child.once('error', () => terminal.note(`No program here opens pages; open ${path} yourself.`));
  child.unref();
}
