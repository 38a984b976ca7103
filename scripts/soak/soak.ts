import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sessionAt, sessionNumber } from '../../src/calendar/sessions.ts';
import { type Ended, openCommands, type Server } from './commands.ts';
import { measureFootprint } from './footprint.ts';
import { type NightPlan, planNights, READERS, type Reader } from './plan.ts';
import { type Watch, watchProcesses } from './processes.ts';
import { figureLine, judge, type Sample } from './verdict.ts';

const SYMBOLS = 60;
const FIRST_SESSION = '2025-01-06';
const ATTEMPTS = 8;
const BUSY = 75;
/** With the pause between them, some minutes: the other writer's night ends by itself. */
const REFUSALS = 600;
const WARMING_PAGES = 300;
const GONE_WITHIN_MS = 5_000;
/** Another writer has the data directory: the night is run again a little later, as a person would. */
const PAUSE_MS = 500;

const SQL = {
  query: 'SELECT symbol, count(*) AS bars, max(date) AS newest FROM bars GROUP BY ALL ORDER BY ALL',
  warehouse: 'SELECT symbol, count(*) AS bars, max(date) AS newest FROM stock_prices GROUP BY symbol ORDER BY symbol',
  rows: 'SELECT count(*) AS rows FROM bars',
};

const [root = '.', nightsAsked = '100', seedAsked = '1'] = process.argv.slice(2);
const nights = Number(nightsAsked);
const seed = Number(seedAsked);
if (!Number.isInteger(nights) || nights < 2 || !Number.isInteger(seed)) {
  console.error('Usage: node scripts/soak.mjs [NIGHTS, at least 2] [SEED, a whole number]');
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'afterbell-soak-'));
const home = join(folder, 'home');
const temporary = join(folder, 'tmp');
mkdirSync(temporary);
const commands = openCommands({ root, home, temporary, symbols: SYMBOLS });
// A reader asks the running night, or has PostgreSQL in its own process.
const watch = watchProcesses(roleOf, { roles: READERS, openFile: 'databases.flock' });
/** How often each command ended in which way, and what it said when that was no success. */
const exits = new Map<string, number>();
const errors = new Map<string, number>();
const slowest = new Map<string, number>();
const crashes: string[] = [];
const samples: Sample[] = [];
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    commands.killAll();
    rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  });
}

const begun = performance.now();
process.exitCode = 1;
try {
  const session = sessionAt(sessionNumber(FIRST_SESSION) - 1);
  note('first night', await commands.run(['night', '--session', session], morningAfter(session)));
  const servers = {
    'report --serve': await commands.serve(['report', '--serve']),
    market: await commands.serve(['market']),
  };
  // A server's memory reaches its level after some hundred pages; only then does growth mean anything.
  for (const [name, server] of Object.entries(servers)) await browse(name, server, FIRST_SESSION, WARMING_PAGES);
  for (const [index, plan] of planNights(nights, seed).entries()) {
    const sample = await soakNight(sessionAt(sessionNumber(FIRST_SESSION) + index), plan, servers);
    samples.push(sample);
    console.log(nightLine(index + 1, sample, plan));
  }
  for (const [name, server] of Object.entries(servers)) note(`${name}, ended by SIGTERM`, await server.stop());
  const last = morningAfter(samples.at(-1)!.session);
  const verified = note('verify', await commands.run(['verify'], last));
  process.exitCode = printResult(verified) ? 0 : 1;
} finally {
  commands.killAll();
  watch.close();
  rmSync(folder, { recursive: true, force: true });
}
writeFileSync(join(root, 'soak-results.json'), `${JSON.stringify({ nights, seed, samples }, null, 2)}\n`);

async function soakNight(session: string, plan: NightPlan, servers: Record<string, Server>): Promise<Sample> {
  const at = morningAfter(session);
  const started = performance.now();
  watch.takePeaks();
  const beside = [
    ...plan.readers.map(async ({ reader, afterMs }) => {
      await sleep(afterMs);
      note(reader, await commands.run(argvOf(reader, session), at));
    }),
    ...(plan.second ? [secondNight(session, at, plan.second.afterMs)] : []),
    ...Object.entries(servers).map(([name, server]) => browse(name, server, session, plan.pages)),
  ];
  const attempts = await untilSucceeded(session, at, plan);
  const seconds = (performance.now() - started) / 1000;
  await Promise.all(beside);
  const pids = Object.values(servers).map(({ pid }) => pid);
  const processesLeft = await leftAfterAWhile(watch, pids);
  const peaks = watch.takePeaks();
  // Not among the readers: whoever counts is not counted.
  const counted = await commands.run(['query', SQL.rows, '--json'], at);
  watch.takePeaks();
  const [{ rows } = { rows: 0 }] = JSON.parse(counted.stdout || '[]') as { rows: number }[];
  const held = Object.entries(servers).flatMap(([name, { pid }]) => {
    const now = watch.now(pid);
    return now ? [[name, now] as const] : [];
  });
  const footprint = measureFootprint(home, temporary);
  return { session, seconds, attempts, rows, peaks, servers: Object.fromEntries(held), footprint, processesLeft };
}

/** The night, run again for as long as it was interrupted or another writer had the data directory. */
async function untilSucceeded(session: string, at: Date, plan: NightPlan): Promise<number> {
  for (let attempt = 1, refusals = 0; attempt <= ATTEMPTS; ) {
    const signal = attempt === 1 ? plan.signal : undefined;
    const kind = signal ? `night, sent ${signal.name}` : attempt === 1 ? 'night' : 'night, run again';
    const ended = note(kind, await commands.run(['night', '--session', session], at, signal));
    if (ended.code === 0) return attempt;
    if (ended.code === BUSY && refusals < REFUSALS) refusals += 1;
    else attempt += 1;
    await sleep(PAUSE_MS);
  }
  crashes.push(`the night for ${session} did not succeed in ${ATTEMPTS} attempts`);
  return ATTEMPTS;
}

async function secondNight(session: string, at: Date, afterMs: number): Promise<void> {
  await sleep(afterMs);
  note('second night at once', await commands.run(['night', '--session', session], at));
}

async function browse(name: string, { url }: Server, session: string, pages: number): Promise<void> {
  const before = sessionAt(sessionNumber(session) - 1);
  const paths =
    name === 'market'
      ? [`/v2/aggs/grouped/locale/us/market/stocks/${session}`, '/v3/reference/tickers?limit=1000']
      : [
          '/',
          `/nights/${before}`,
          '/symbols?symbol=AAPL',
          '/symbols?symbol=AAPL&interval=5',
          '/suggest?q=a',
          '/lists/tickers',
        ];
  for (let page = 0; page < pages; page += 1) {
    const answer = await fetch(`${url}${paths[page % paths.length]}`, { headers: { authorization: 'Bearer soak' } });
    await answer.arrayBuffer();
    add(exits, `${name}: a page`, answer.status);
  }
}

/** Orphans of a killed night notice its end themselves; what is still there then is left behind. */
async function leftAfterAWhile(processes: Watch, except: readonly number[]): Promise<string[]> {
  const until = performance.now() + GONE_WITHIN_MS;
  for (;;) {
    const left = processes.left(except);
    if (left.length === 0 || performance.now() > until) {
      return left.map(({ pid, role, zombie }) => `${role} (pid ${pid}${zombie ? ', zombie' : ''})`);
    }
    await sleep(100);
  }
}

function argvOf(reader: Reader, session: string): string[] {
  switch (reader) {
    case 'status':
      return ['status'];
    case 'query':
      return ['query', SQL.query];
    case 'query --warehouse':
      return ['query', '--warehouse', SQL.warehouse];
    case 'report':
      return ['report', '--session', sessionAt(sessionNumber(session) - 1)];
  }
}

/** Counts how a command ended. */
function note(kind: string, ended: Ended): Ended {
  add(exits, kind, ended.code);
  if (ended.endedAfterMs !== undefined) {
    slowest.set(kind, Math.max(slowest.get(kind) ?? 0, ended.endedAfterMs));
  }
  const [, text = '', name = ''] = /^((\w+(?:\.\w+)?): .*)$/m.exec(ended.stderr) ?? [];
  if (ended.code === 0) return ended;
  if (name === 'Home.Busy' && (READERS as readonly string[]).includes(kind)) {
    crashes.push(`${kind} was refused: ${ended.stderr.slice(-500)}`);
  }
  const reason = text || ended.stdout.split('\n').find((line) => line.startsWith('- ')) || '';
  add(errors, kind, `${ended.code} ${reason.replaceAll(folder, '…').replace(/\d+/g, '#').slice(0, 160)}`);
  if (/^(\w*Error|AssertionError)$/.test(name) || /^ +at .*:\d+:\d+\)?$/m.test(ended.stderr)) {
    crashes.push(`${kind} ended with ${ended.code}: ${ended.stderr.slice(-1500)}`);
  }
  return ended;
}

function add(counts: Map<string, number>, kind: string, what: string | number): void {
  const key = `${kind}\t${what}`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function nightLine(
  number: number,
  { session, seconds, attempts, peaks, footprint, processesLeft }: Sample,
  plan: NightPlan,
) {
  const rss = Math.max(...Object.values(peaks).map(({ rssBytes }) => rssBytes)) / 1024 ** 2;
  const bytes = Object.values(footprint.bytes).reduce((sum, part) => sum + part, 0) / 1024 ** 2;
  const beside = [plan.signal?.name, plan.second && 'second', ...plan.readers.map(({ reader }) => reader)];
  const left = [...footprint.left, ...processesLeft];
  return (
    `${String(number).padStart(3)} ${session} ${seconds.toFixed(1).padStart(5)} s, ${attempts} run${attempts > 1 ? 's' : ' '}, ` +
    `${rss.toFixed(0)} MB, ${bytes.toFixed(1)} MB on disk  ${beside.filter(Boolean).join(', ')}` +
    (left.length > 0 ? `  LEFT: ${left.slice(0, 3).join(', ')}` : '')
  );
}

/** Prints everything and answers whether it is well. */
function printResult(verified: Ended): boolean {
  const figures = judge(samples);
  console.log(`\n${nights} nights, seed ${seed}, ${((performance.now() - begun) / 60_000).toFixed(1)} minutes\n`);
  const compared = Math.min(10, Math.floor(nights / 2));
  const heads = [`first ${compared}`, `last ${compared}`, 'per night', 'highest'].map((text) => text.padStart(11));
  console.log(`${'figure'.padEnd(46)}${heads.join('')}`);
  for (const figure of figures) console.log(figureLine(figure));
  console.log('\ncommand                        exit  times');
  for (const line of tabbed(exits)) console.log(line);
  console.log('\nseconds to the end after a signal, at most');
  for (const [kind, ms] of [...slowest].sort()) console.log(`${kind.padEnd(34)}${(ms / 1000).toFixed(2)}`);
  console.log('\nwhy, where it was no success');
  for (const line of tabbed(errors)) console.log(line);
  for (const crash of crashes) console.log(`\nCRASHED: ${crash}`);
  if (verified.code !== 0) console.log(`\nNOT CLEAN: ${verified.stdout}${verified.stderr}`);
  const unbounded = figures.filter(({ problem }) => problem);
  console.log(
    `\n${unbounded.length} figures are not bounded, ${crashes.length} crashes, verify ended with ${verified.code}`,
  );
  return unbounded.length === 0 && crashes.length === 0 && verified.code === 0;
}

function tabbed(counts: ReadonlyMap<string, number>): string[] {
  return [...counts].sort().map(([key, times]) => {
    const [kind = '', what = ''] = key.split('\t');
    return `${kind.padEnd(30)} ${what.padEnd(8)} ${times}`;
  });
}

/** Nine in the morning in New York or a little later, when the next night has not run yet. */
function morningAfter(session: string): Date {
  return new Date(Date.parse(`${session}T14:00:00Z`) + 86_400_000);
}

function roleOf(commandLine: string): string {
  if (commandLine.includes('function-worker')) return 'function worker';
  if (commandLine.includes('job-process')) return 'job';
  const argv = /afterbell\.mjs (.*)$/.exec(commandLine)?.[1];
  if (argv === undefined) return '';
  if (argv.startsWith('report --serve')) return 'report --serve';
  if (argv.startsWith('query --warehouse')) return 'query --warehouse';
  return argv.split(' ')[0]!;
}
