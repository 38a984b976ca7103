import { Command } from 'commander';
import { DATASET_OF_TASK } from '../datasets/registry.ts';
import { MISBEHAVIOUR_HELP } from '../local/market/routes.ts';
import type { Context } from './context.ts';

/** What a command does with its arguments and options; its exit code. */
export type Work<A extends unknown[]> = (...args: [...A, Context]) => Promise<number>;

/** Makes commander's action of a command's work. */
export type Action = <A extends unknown[]>(work: Work<A>) => (...args: unknown[]) => Promise<void>;

/**
 * Every command with its arguments and options; what is done with them is the caller's `action`.
 * @param typed writes the commands of a help text as they are typed here
 */
export function commands(version: string, action: Action, typed = (text: string) => text): Command {
  const program = new Command('afterbell')
    .description('After the closing bell: a US-equities data lake its owner can trust in the morning.')
    .version(version)
    .addHelpText(
      'after',
      '\nExit code: 0 succeeded or skipped · 3 partial · 4 held · 1 failed · 2 bad usage · 75 busy: another command has the\n  data directory, try again later · 129, 130, 143 interrupted.',
    )
    .exitOverride()
    .configureHelp({ sortSubcommands: false })
    .configureOutput({ writeOut: (text) => void process.stdout.write(typed(text)) });
  // A command's own modules are loaded when it runs: an answer of a tenth of a second need not load a night's.
  const lazily = <A extends unknown[]>(load: () => Promise<Work<A>>) =>
    action<A>(async (...args) => (await load())(...args));
  const command = (name: string, about: string) =>
    program
      .command(name)
      .description(about)
      .option('--json', 'one JSON document on stdout, everything else on stderr')
      .option('--stage <name>', 'act on a deployed stage instead of AFTERBELL_HOME')
      .exitOverride();

  command('night', 'run a night: reference data, bars, consolidated and resampled history')
    .option('--session <date>', 'a session by name (YYYY-MM-DD); it runs even when it is done')
    .option('--portfolios', 'start the portfolio run, also after the night of an older session')
    .option('--dry-run', 'say what would be done')
    .option(
      '--misbehave <names>',
      'let the practice market misbehave, e.g. half-missing,server-error:3; runs a done session again',
    )
    .addHelpText('after', '\nExamples:\n  npx afterbell night\n  npx afterbell night --session 2025-11-19')
    .action(lazily(async () => (await import('./night.ts')).night));
  command('run', 'run one lane or job by its name, or the monthly maintenance')
    .argument('<task>', [...Object.keys(DATASET_OF_TASK), 'consolidate', 'resample', 'maintenance'].join(', '))
    .option('--data <json>', 'JSON input, or a file with it')
    .option('--mode <mode>', 'for a job: incremental or full')
    .option('--intervals <list>', 'for resample: sessions per bar, e.g. 3,5')
    .option('--symbols <list>', 'for consolidate: only these symbols')
    .option('--misbehave <names>', 'for a lane: let the practice market misbehave')
    .addHelpText(
      'after',
      '\nExamples:\n  npx afterbell run sync-tickers\n  npx afterbell run resample --mode full --intervals 3,5',
    )
    .action(lazily(async () => (await import('./run-task.ts')).runTask));
  command('backfill', 'fetch every session of a range that is not published yet')
    .requiredOption('--from <date>', 'first date')
    .requiredOption('--to <date>', 'last date')
    .option('--source <source>', 'api or flat-files')
    .option('--flat-files <place>', 'Massive flat files, YYYY/MM/YYYY-MM-DD.csv.gz: a folder, or s3://flatfiles')
    .option('--dry-run', 'print the plan: sessions, parts, calls and minutes; fetch nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  npx afterbell backfill --from 2025-01-01 --to 2025-06-30 --dry-run\n  npx afterbell backfill --flat-files ./flat --from 2014-01-02 --to 2015-12-31',
    )
    .action(lazily(async () => (await import('./backfill.ts')).backfill));
  command('history', 'fetch lists of the past: who was listed at the end of each month, who was in the index')
    .requiredOption('--from <date>', 'first date')
    .option('--reference', "the vendor's list of tickers of every month's end")
    .option(
      '--members [place]',
      'holdings files of the index fund: a folder, s3://…, or the address of its file, to which asOfDate is added; INDEX_MEMBERS_URI by default',
    )
    .option('--any-size', 'take a list also when it has far fewer or more names than the next newer one')
    .option('--dry-run', 'say what would be asked for, and how long it takes')
    .addHelpText(
      'after',
      '\nExit code: 3 when the plan did not include a list.\nExamples:\n  npx afterbell history --reference --from 2024-01-02\n  npx afterbell history --members ./holdings --from 2020-01-02',
    )
    .action(lazily(async () => (await import('./history.ts')).history));
  command('import', 'bring the bars of a lake of the original layout into this one')
    .requiredOption('--original <uri>', 'the folder, or s3://bucket[/folder], that has bronze/raw_ohlcv/ in it')
    .option('--prices <kind>', 'raw: as they were traded; adjusted ones are refused. Files do not say it themselves')
    .option('--dry-run', 'only inspect: symbols, rows, dates, and what would be refused')
    .addHelpText(
      'after',
      '\nA run that was stopped goes on where it was.\nExamples:\n  npx afterbell import --original s3://old-bucket --dry-run\n  npx afterbell import --original ./old-lake --prices raw',
    )
    .action(lazily(async () => (await import('./import.ts')).importOriginal));
  command('status', 'how healthy and how fresh everything is, what is withheld or missing, what comes next')
    .option('--failed', 'what failed in the last 7 days, and every symbol that was skipped')
    .option('--task <name>', 'the rows of one task only')
    .addHelpText(
      'after',
      '\nExit code: 0 healthy · 1 the last night failed, or prices are behind · 4 something is withheld · 3 a list failed or is\n  behind, or a session is missing.\nExamples:\n  npx afterbell status\n  npx afterbell status --failed\n  npx afterbell status --task sync-tickers',
    )
    .action(lazily(async () => (await import('./status/status.ts')).status));
  command('quarantine', 'every refused row with its reason: first how many for which reason')
    .option('--session <date>', 'only rows of this session')
    .option('--symbol <symbol>', 'only rows of this symbol')
    .option('--reason <words>', 'only rows whose reason has these words')
    .addHelpText(
      'after',
      '\nExamples:\n  npx afterbell quarantine\n  npx afterbell quarantine --session 2025-11-19 --reason close\nAs a view of query: SELECT * FROM quarantine',
    )
    .action(lazily(async () => (await import('./refused-rows.ts')).quarantine));
  command(
    'release',
    'publish what a run withheld once you have reviewed it; `status` says how many published rows that removes',
  )
    .argument('<run>', 'its run id')
    .action(lazily(async () => (await import('./night.ts')).release));
  command('query', 'ask the lake in SQL (DuckDB), or the warehouse (PostgreSQL)')
    .argument('[sql]', 'a statement in quotes')
    .option('--warehouse', 'send it to PostgreSQL')
    .option('--output <form>', 'table, json or csv; a table shows 100 rows, the others every row')
    .option('--csv <file>', 'write every row to this file')
    .option('--parquet <file>', 'write every row to this file, in columns with their types')
    .option('--force', 'replace the file where there is one')
    .addHelpText(
      'after',
      '\nViews: bars, sessions, bars_3d … bars_34d, tickers, assets, splits, dividends, index_lists, index_members,\n  reconcile, revisions, symbol_changes, symbol_history, quarantine, calendar, missing_sessions,\n  bars_split_adjusted, bars_total_return, corporate_actions, adjustment_factors, dividend_factors, benchmark\nWith a day: bars_adjusted(kind, as_of), bars_as_known(as_of), sessions_as_known(as_of), universe(as_of), members(index_name, as_of),\n  splits_as_known(as_of), dividends_as_known(as_of), symbol_history_as_known(as_of)\nTables (--warehouse): stock_prices, splits, dividends, index_members, symbol_history, symbol_metadata, dcf_valuations,\n  enrichment_attempts, ingestion_watermarks, sync_logs, nights\nExample:\n  npx afterbell query "SELECT * FROM bars WHERE symbol = \'AAPL\' ORDER BY date DESC LIMIT 5"\n  npx afterbell query "SELECT * FROM bars WHERE date >= \'2025-01-01\'" --parquet bars.parquet',
    )
    .action(lazily(async () => (await import('./query.ts')).query));
  command('export', 'write the bars as a backtester reads them, or bring an earlier export up to date')
    .argument('<format>', 'csvdir (zipline), qlib or lean')
    .argument('<folder>', 'where to: empty, not there, or an earlier export with the same options')
    .option('--symbols <list>', 'only these symbols')
    .option('--from <date>', 'no bars before this date')
    .option('--to <date>', 'no bars after it')
    .option('--adjust <kind>', 'none, split or total_return; qlib gets total_return unless told, the others none')
    .addHelpText(
      'after',
      '\nOnly what changed since the last export is written.\nExamples:\n  npx afterbell export csvdir ../zipline-data\n  npx afterbell export qlib ../qlib-data --from 2020-01-01\n  npx afterbell export lean ../lean-data --symbols AAPL,SPY',
    )
    .action(lazily(async () => (await import('./export.ts')).exportBars));
  command('analyze', 'ticker data and analyses of portfolios, as of the newest published session')
    .option('--portfolio <name>', 'only this one')
    .option('--dry-run', 'print the prompt and about what it costs; nobody is asked')
    .option('--force', 'analyse again what is analysed as of this session')
    .option('--check-vendor', "compare a few indicators with Polygon's; nothing is written")
    .addHelpText('after', '\nExample:\n  npx afterbell analyze --portfolio sample --dry-run')
    .action(lazily(async () => (await import('./analyze.ts')).analyze));
  command('portfolios', 'every portfolio with its last analysis')
    .option('--import <file>', 'first put the portfolios of a JSON or CSV file into our own tables')
    .option('--export <file>', 'write every portfolio to a JSON file that --import reads')
    .addHelpText(
      'after',
      '\nJSON: [{"portfolio": "mine", "positions": [{"symbol": "AAPL", "quantity": 10, "averageCost": 120.5}]}]\nCSV:  symbol,quantity,averageCost, and portfolio where there are several; else the file names it',
    )
    .action(lazily(async () => (await import('./portfolios.ts')).portfolios));
  command('report', 'the page of a night, or of any run: what happened, and what to do next')
    .option('--session <date>', 'the newest run of this session')
    .option('--run <id>', 'this run, closed or killed')
    .option('--open', 'show it in the browser')
    .option('--serve', 'serve nights, reference lists and the bars of any symbol to a browser on this machine')
    .option('--port <port>', 'a fixed port for --serve')
    .addHelpText(
      'after',
      '\nExamples:\n  npx afterbell report --open\n  npx afterbell report --session 2025-11-19\n  npx afterbell report --serve',
    )
    .action(lazily(async () => (await import('./report.ts')).report));
  command('vacuum', 'delete old one-row date files whose rows are in data.parquet')
    .option('--dry-run', 'list exactly what would be deleted')
    .option('--symbols <list>', 'only these symbols')
    .option('--retention-days <days>', 'age from which they go; RETENTION_DAYS by default')
    .option('--max-workers <count>', 'files in flight at once; MAX_WORKERS by default')
    .addHelpText('after', '\nExample:\n  npx afterbell vacuum --dry-run --retention-days 60')
    .action(lazily(async () => (await import('./vacuum.ts')).vacuumLake));
  command('verify', 'recount the lake against manifests, watermarks and calendar')
    .option('--repair', 'rebuild what follows from other files; without it the steps are only listed')
    .addHelpText('after', '\nExamples:\n  npx afterbell verify\n  npx afterbell verify --repair')
    .action(lazily(async () => (await import('./verify/verify.ts')).verify));
  command('logs', 'what a function or job logged')
    .argument('<name>', 'e.g. sync-tickers, stage-session, consolidator')
    .option('--follow', 'go on with what it logs from now on')
    .option('--run <id>', 'only lines of this run')
    .addHelpText(
      'after',
      '\nWith --json an array of lines; with --json --follow one document a line.\nExit code: 1 when --run names a run of which there is no line.\nExamples:\n  npx afterbell logs consolidator\n  npx afterbell logs stage-session --follow',
    )
    .action(lazily(async () => (await import('./logs.ts')).logs));
  command('backup', 'copy a data directory while nobody writes to it, and compare every file')
    .argument('<folder>', 'where to; empty or not there')
    .addHelpText('after', '\nExample:\n  npx afterbell backup /mnt/backup/2025-11-19')
    .action(lazily(async () => (await import('./backup.ts')).backup));
  command('restore', 'make the data directory AFTERBELL_HOME of a backup; nothing is overwritten')
    .argument('<folder>', 'what `backup` made')
    .addHelpText('after', '\nExample:\n  AFTERBELL_HOME=./restored npx afterbell restore /mnt/backup/2025-11-19')
    .action(lazily(async () => (await import('./backup.ts')).restore));
  command('schedule', 'start nights by the clock: a systemd user timer or a crontab entry, printed or set up')
    .option('--with <timer>', 'systemd or cron; by default systemd where it is running')
    .option('--install', 'set it up for this user')
    .option('--remove', 'take it away again')
    .option('--on-failure <command>', 'shell command after a bad night; AFTERBELL_EXIT and AFTERBELL_LOG say more')
    .option('--run', 'what the timer calls: a night, if a scheduled start has passed since the last one')
    .addHelpText(
      'after',
      '\nWhen: NIGHT_SCHEDULE in SCHEDULE_TIMEZONE.\nExamples:\n  npx afterbell schedule\n  npx afterbell schedule --install --on-failure ~/bin/call-me',
    )
    .action(lazily(async () => (await import('./schedule.ts')).schedule));
  command('market', 'serve the practice market')
    .option('--replay <folder>', 'replay real days from a folder of flat files')
    .option('--misbehave <names>', 'e.g. rate-limit,truncated-json:2')
    .option('--port <port>', 'a fixed port')
    .addHelpText('after', `\n${MISBEHAVIOUR_HELP}`)
    .action(lazily(async () => (await import('./market.ts')).market));
  return program;
}
