import { delimiter } from 'node:path';
import * as z from 'zod';
import { isSchedule, isTimeZone } from './calendar/schedule.ts';
import { blank, inHome, readEnvSettings } from './env-file.ts';
import { NamedError } from './errors.ts';
import { figure } from './text.ts';

interface Flags {
  secret?: boolean;
  /** Set by Terraform or by the command line, not by people; absent from `.env.example`. */
  internal?: boolean;
  /** Read by commands, which hand on what they make of it. */
  command?: boolean;
}

interface Setting extends Flags {
  name: string;
  schema: z.ZodType;
  /** One line for `.env.example` and the docs. */
  about: string;
}

const text = z.string().min(1);
/** A path may begin with `~` or `$HOME`: whoever reads `.env` is no shell, and would make folders of these names. */
const path = text
  .refine(
    (value) => !/^(~[^/]|\$(?!HOME\b|\{HOME\}))/.test(value),
    'a path; ~ and $HOME are filled in, nothing else is',
  )
  .transform(inHome);
const dataDirectory = path.default('./.afterbell');
const address = (form: RegExp) => z.string().refine((text) => form.test(text) && URL.canParse(text), 'an http(s) URL');
const url = address(/^https?:\/\/[^\s]+$/);
const vendorUrl = address(/^(https?|lambda):\/\/[^\s]+$/); // `lambda://NAME`: a practice market that is a function
/** Digits only: what coercion makes of `0x50`, `1e3` or `true` is nobody's number. */
const wholeOf = (least: number, most: number) =>
  z
    .string('a whole number')
    .trim()
    .regex(/^[+-]?\d{1,15}$/, 'a whole number')
    .transform(Number)
    .pipe(
      z
        .number()
        .min(least, `at least ${least}`)
        .max(most, `at most ${figure(most)}`),
    );
/** Above any sensible setting, and below what counting in milliseconds or bytes can hold. */
const MOST = 1_000_000;
const positive = wholeOf(1, MOST);
const whole = wholeOf(0, MOST);
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
);
const usdOrOff = z
  .string()
  .regex(/^(off|\d{1,9}(\.\d{1,6})?)$/, 'USD, e.g. 5 or 0.25, or off')
  .transform((value) => (value === 'off' ? ('off' as const) : Number(value)));
const intervals = list.pipe(z.array(wholeOf(2, 250)).min(1, 'whole numbers of 2 to 250, e.g. 3,5'));
/** Symbols as they may be asked for. */
const symbols = list.pipe(z.array(z.string().regex(/^[^\s\p{Cc}\p{Cf}\p{Cs}]{1,32}$/u, 'symbols, e.g. AAPL,BRK.B')));
const types = list.pipe(z.array(z.string().regex(/^[A-Za-z0-9_-]{1,20}$/, 'types, e.g. CS,ADRC,ETF')));
/** DynamoDB's own rule. */
const tableName = z.string().regex(/^[A-Za-z0-9_.-]{3,255}$/, "a DynamoDB table's name");

function setting<N extends string, S extends z.ZodType>(name: N, schema: S, about: string, flags: Flags = {}) {
  return { name, schema, about, ...flags };
}

/** The one schema of every setting (docs/environment.md): `.env.example` and the docs are made from it. */
export const SETTINGS = [
  setting(
    'AFTERBELL_HOME',
    dataDirectory,
    'Where the local lake, tables and warehouse live; ~ and $HOME are filled in.',
    {
      command: true,
    },
  ),
  setting('POLYGON_API_KEY', text.optional(), 'Polygon/Massive key. Without it the practice market answers.', {
    secret: true,
  }),
  setting('POLYGON_BASE_URL', vendorUrl.default('https://api.massive.com'), 'Polygon/Massive host.', { command: true }),
  setting('POLYGON_CALLS_PER_MINUTE', whole.default(5), "Your plan's calls per minute; 0 = unlimited.", {
    command: true,
  }),
  setting(
    'POLYGON_MARKETS',
    list.pipe(z.array(z.enum(['stocks', 'otc', 'crypto', 'fx', 'indices'])).min(1)).prefault('stocks,otc'),
    'Markets whose reference tickers are kept: stocks, otc, crypto, fx, indices.',
  ),
  setting(
    'POLYGON_TYPES',
    types.prefault(''),
    'Types of stocks and OTC tickers to keep, e.g. CS,ADRC,ETF; empty = all.',
  ),
  setting('DIVIDENDS_SINCE', z.iso.date('YYYY-MM-DD').default('2020-01-01'), 'The first ex-dividend date to keep.'),
  setting('MAX_PAGES', positive.default(1000), 'A sync that needs more pages fails by name instead of stopping short.'),
  setting('ALPACA_API_KEY_ID', text.optional(), 'Alpaca key id. Without it the asset lane is skipped.', {
    secret: true,
  }),
  setting('ALPACA_API_SECRET_KEY', text.optional(), 'Alpaca secret.', { secret: true }),
  setting(
    'ALPACA_BASE_URL',
    vendorUrl.default('https://api.alpaca.markets'),
    'Alpaca host; paper keys use https://paper-api.alpaca.markets.',
    { command: true },
  ),
  setting(
    'INDEX_MEMBERS_URI',
    path.optional(),
    'Holdings CSV of the iShares Russell 2000 fund: a path, s3://… or https://…. Without it index members are skipped.',
    { command: true },
  ),
  setting('FMP_API_KEY', text.optional(), 'Financial Modeling Prep key. Without it valuations are skipped.', {
    secret: true,
  }),
  setting('FMP_BASE_URL', vendorUrl.default('https://financialmodelingprep.com'), 'Financial Modeling Prep host.', {
    command: true,
  }),
  setting('FMP_CALLS_PER_MINUTE', whole.default(300), "Your FMP plan's calls per minute; 0 = unlimited.", {
    command: true,
  }),
  setting('FMP_CONCURRENCY', wholeOf(1, 1000).default(10), 'Symbols asked for at once, within the calls per minute.'),
  setting(
    'VALUATION_UNIVERSE',
    symbols.pipe(z.array(z.string()).min(1)).prefault('russell2000,holdings'),
    'Whose valuations are kept: russell2000, holdings, all, or symbols.',
  ),
  setting(
    'METADATA_TYPES',
    types.pipe(z.array(z.string()).min(1)).prefault('CS,ADRC,OS,NYRS,GDR,ETF,ETN,ETV,ETS,FUND'),
    "Polygon's types whose company details are kept; tickers without a type are always asked for.",
  ),
  setting(
    'ENRICH_SYMBOLS',
    wholeOf(1, 10_000).default(500),
    'Symbols a night asks company details for, and valuations; one call each to every vendor that is asked.',
  ),
  setting(
    'ENRICH_MINUTES',
    positive.default(30),
    "How long a night may ask, by the slowest vendor's calls per minute: 5 a minute are 150 symbols.",
  ),
  setting(
    'FLAT_FILES_ENDPOINT',
    url.default('https://files.massive.com'),
    'S3-compatible host of Massive flat files, for `backfill --flat-files s3://flatfiles`.',
    { command: true },
  ),
  setting('FLAT_FILES_KEY_ID', text.optional(), 'Key id of the flat files; not the API key.', { secret: true }),
  setting('FLAT_FILES_SECRET', text.optional(), 'Its secret.', { secret: true }),
  setting('XAI_API_KEY', text.optional(), 'xAI key. Without it portfolios get ticker data and no analysis.', {
    secret: true,
  }),
  setting('XAI_API_URL', vendorUrl.default('https://api.x.ai/v1'), 'xAI API, with its version.', { command: true }),
  setting(
    'XAI_API',
    z.enum(['chat', 'responses']).default('chat'),
    'chat = chat completions, asked for now and fetched later; responses = the Responses API, which answers at once.',
  ),
  setting('XAI_MODEL', text.default('grok-4.3'), 'Model that analyses portfolios; the one that answered is stored.', {
    command: true,
  }),
  setting(
    'XAI_PRICES',
    list
      .transform((parts) => parts.map(Number))
      .pipe(z.array(z.number('two prices, e.g. 2,6').min(0, 'two prices, e.g. 2,6')).length(2, 'two prices, e.g. 2,6'))
      .optional(),
    'USD per million input and output tokens, where neither the answer says what it cost nor the built-in list knows the model.',
  ),
  setting(
    'XAI_MAX_USD',
    usdOrOff.prefault('5'),
    'USD a portfolio run may spend on the model at most; a question that might cost more is not asked. off = no limit.',
  ),
  setting(
    'USER_PORTFOLIOS_TABLE',
    tableName.default('user-portfolios-local'),
    'Table of portfolios; nights only read it, as it may be another service’s.',
  ),
  setting(
    'PORTFOLIO_POSITIONS_TABLE',
    tableName.default('portfolio-positions-local'),
    'Table of their positions; nights only read it.',
  ),
  setting(
    'LAKE_URI',
    z
      .string()
      .transform(inHome)
      .pipe(z.string().regex(/^(file:\/\/\/|s3:\/\/[^/\s])/, 'file:///absolute/folder or s3://bucket[/prefix]'))
      .optional(),
    'file:///absolute/folder or s3://bucket/prefix; default: lake/ in AFTERBELL_HOME.',
  ),
  setting(
    'LAKE_FSYNC',
    z.enum(['on', 'off']).default('on'),
    'on = a lake on this computer survives a power loss; off = faster, and a power loss may damage the last files written.',
  ),
  setting(
    'BRONZE_LAYOUT',
    z.enum(['session', 'symbol']).default('session'),
    'symbol = also write one file per symbol and date.',
  ),
  setting(
    'ADOPTED_PRICES',
    z.enum(['unadjusted', 'adjusted']).optional(),
    'Prices of a lake of the original layout: unadjusted = as traded, adopted as they are; adjusted or unset = refused.',
  ),
  setting(
    'RETENTION_DAYS',
    wholeOf(0, 100_000).default(30),
    'Age at which per-symbol date files already consolidated may go.',
  ),
  setting('RETENTION_YEARS', wholeOf(1, 200).default(5), 'Years of prices kept in the warehouse; the lake keeps all.'),
  setting('RESAMPLING_INTERVALS', intervals.prefault('3,5,8,13,21,34'), 'Sessions per resampled bar.'),
  setting('MAX_WORKERS', wholeOf(1, 1000).default(10), 'Files in flight at once in the jobs.'),
  setting(
    'MAX_FAILED_PERCENT',
    z
      .string()
      .regex(/^(100|\d{1,2}(\.\d+)?)$/, 'a percentage, 0 to 100')
      .transform(Number)
      .default(1),
    'More symbols than this that could not be consolidated fail the job; fewer are reported.',
  ),
  setting(
    'CONSOLIDATE_SYMBOLS_PER_SHARD',
    positive.default(6000),
    'With more symbols than this a night consolidates in several jobs at once.',
  ),
  setting('MEMORY_LIMIT_MB', wholeOf(64, MOST).default(700), 'Megabytes of bars that a resample holds.'),
  setting('MODE', z.enum(['incremental', 'full']).default('incremental'), 'full = jobs rebuild everything.'),
  setting(
    'HISTORY_SESSIONS',
    wholeOf(0, 15_000).optional(),
    'Sessions fetched before the first night: 300 for an empty practice home, 0 with a real key.',
    { command: true },
  ),
  setting(
    'TRAILING_SESSIONS',
    whole.default(5),
    'Held sessions every night fetches again for late corrections; 0 = none.',
  ),
  setting('GAP_SESSIONS', whole.default(20), 'Missing sessions a night fetches first, newest first; 0 = none.'),
  setting(
    'SYMBOLS',
    wholeOf(1, 100_000).optional(),
    'Size of a practice market that begins (500 unless set); its data directory remembers it.',
    { command: true },
  ),
  setting('BENCHMARKS', symbols.prefault('SPY,IWM,QQQ'), 'Symbols of the view `benchmark`, as total returns.'),
  setting(
    'REPORT_SYMBOLS',
    symbols.prefault('AAPL,ABBV,AMZN,AVGO,BRK.B,COST,GOOGL,HD,JNJ,JPM,LLY,META,MSFT,NVDA,PG,TSLA,UNH,V,WMT,XOM'),
    "Symbols whose bars the report draws; the session's most traded ones take the places of those without a bar.",
  ),
  setting(
    'NIGHT_SCHEDULE',
    z.string().refine(isSchedule, 'cron(minute hour day month weekday year)').default('cron(0 4 * * ? *)'),
    'When nights are started, for `status`: cron(minute hour day month weekday year).',
    { command: true },
  ),
  setting(
    'SCHEDULE_TIMEZONE',
    z.string().refine(isTimeZone, 'an IANA time zone').default('America/New_York'),
    'Time zone of NIGHT_SCHEDULE.',
    { command: true },
  ),
  setting(
    'DATABASE_URL',
    z
      .string()
      .regex(/^postgres(ql)?:\/\//, 'postgresql://…')
      .optional(),
    'PostgreSQL 15+ for the local warehouse instead of the embedded one.',
    {
      secret: true,
    },
  ),
  setting(
    'WAREHOUSE',
    z.enum(['on', 'off']).default('on'),
    'off = prices stay in the lake, and stock_prices is not filled; PostgreSQL keeps the ledger and company data.',
  ),
  setting(
    'LOG_LEVEL',
    z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR']).default('INFO'),
    'How much the functions and jobs log; DEBUG adds each vendor request and each call of a job to the lake.',
  ),

  setting('STAGE', text.default('local'), 'Deployment stage.', { internal: true }),
  setting(
    'AFTERBELL_NOW',
    z.iso.datetime('an instant, e.g. 2025-11-20T09:00:00Z').optional(),
    'The instant `status` is asked about, in rehearsals.',
    { internal: true },
  ),
  setting('RUN_ID', text.optional(), 'The run a job works for.', { internal: true }),
  setting('POLYGON_SECRET_ARN', text.optional(), 'Secret {"apiKey"}.', { internal: true }),
  setting('ALPACA_SECRET_ARN', text.optional(), 'Secret {"keyId","secretKey"}.', { internal: true }),
  setting('XAI_SECRET_ARN', text.optional(), 'Secret {"apiKey"}.', { internal: true }),
  setting('FMP_SECRET_ARN', text.optional(), 'Secret {"apiKey"}.', { internal: true }),
  setting('TICKERS_TABLE', tableName.default('afterbell-local-tickers'), 'DynamoDB table.', { internal: true }),
  setting('ASSETS_TABLE', tableName.default('afterbell-local-assets'), 'DynamoDB table.', { internal: true }),
  setting('TICKER_DATA_TABLE', tableName.default('afterbell-local-ticker-data'), 'DynamoDB table.', { internal: true }),
  setting('PORTFOLIO_ANALYSES_TABLE', tableName.default('afterbell-local-portfolio-analyses'), 'DynamoDB table.', {
    internal: true,
  }),
  setting('RUNS_TABLE', tableName.default('afterbell-local-runs'), 'DynamoDB table.', { internal: true }),
  setting('DATABASE_CLUSTER_ARN', text.optional(), 'Aurora cluster.', { internal: true }),
  setting('DATABASE_SECRET_ARN', text.optional(), 'Secret of the SQL user.', { internal: true }),
  setting('DATABASE_USER_SECRET_ARN', text.optional(), 'Secret of the nights’ own user, kept by prepare-warehouse.', {
    internal: true,
  }),
  setting('DATABASE_NAME', text.default('afterbell'), 'Database in the cluster.', { internal: true }),
  setting('EVENT_BUS_NAME', text.default('default'), 'Bus that Night Completed goes to.', { internal: true }),
  setting('FLAT_FILES_URI', text.optional(), 'Flat files for a backfill: a folder or s3://bucket.', { internal: true }),
  setting('FLAT_FILES_SECRET_ARN', text.optional(), 'Secret {"keyId","secret"}.', { internal: true }),
  setting(
    'JOB_SYMBOLS',
    symbols.pipe(z.array(z.string()).min(1, 'symbols, e.g. AAPL,BRK.B')).optional(),
    'Symbols a consolidation by hand is limited to.',
    { internal: true },
  ),
  setting('AWS_BATCH_JOB_ARRAY_INDEX', whole.optional(), 'Which shard of an array job this is.', { internal: true }),
  setting('AWS_BATCH_JOB_ARRAY_SIZE', positive.optional(), 'Shards of the array job.', { internal: true }),
  setting('AWS_BATCH_JOB_ID', text.optional(), 'The Batch job, `id:index` in an array.', { internal: true }),
  setting('SCRATCH_DIR', text.optional(), 'Where jobs spill and stage files.', { internal: true }),
] as const;

type Values = {
  [S in (typeof SETTINGS)[number] as S['name']]: z.output<S['schema']>;
};
export type Config = Readonly<Values>;

/**
 * Reads every setting from the environment; an empty or blank string counts as unset.
 * @throws Config.Invalid with all problems in one message, secrets masked.
 */
export function loadConfig(env: Record<string, string | undefined> = process.env): Config {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const { name, schema, secret } of SETTINGS as readonly Setting[]) {
    const given = blank(env[name]) ? undefined : env[name];
    const read = schema.safeParse(given);
    if (read.success) values[name] = read.data;
    else {
      const shown = secret ? '(a secret, not shown)' : JSON.stringify(given);
      problems.push(`${name}: found ${shown}, wanted ${wantedBy(read.error)}`);
    }
  }
  if (problems.length > 0) {
    throw new NamedError('Config.Invalid', {
      what: `${problems.length} setting${problems.length === 1 ? ' is' : 's are'} wrong:\n  ${problems.join('\n  ')}\n`,
      todo: 'Fix them in the environment or in .env; .env.example lists every setting.',
    });
  }
  return values as unknown as Config;
}

/** Settings as functions and jobs read them, without secrets, and without what whoever runs them sets. */
export function environmentOf(config: Config): Record<string, string> {
  const given = (SETTINGS as readonly Setting[])
    .filter(({ secret, internal, command }) => !secret && !internal && !command)
    .map(({ name }) => [name, config[name as keyof Config]] as const)
    .filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

/** What a setting wants instead of a value given by a flag or an input; undefined for a good one. */
export function settingProblem(name: string, value: string): string | undefined {
  const { schema } = (SETTINGS as readonly Setting[]).find((one) => one.name === name) ?? {};
  const read = schema?.safeParse(value);
  return read?.error && wantedBy(read.error);
}

function wantedBy({ issues }: z.ZodError): string {
  const wanted = issues.map((issue) =>
    issue.code === 'invalid_value' ? `one of ${issue.values.join(', ')}` : issue.message,
  );
  return [...new Set(wanted)].join(', ');
}

/** https://no-color.org */
export function noColour(): boolean {
  return (process.env.NO_COLOR ?? '') !== '';
}

/** Where a shell looks for programs; the folders that npm puts before them for its own child are in nobody's shell. */
export function programFolders(): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.filter((folder) => folder !== '' && !/[/\\]node_modules[/\\]\.bin$/.test(folder));
}

/** Those people set. */
export function settingNames(): string[] {
  return (SETTINGS as readonly Setting[]).filter(({ internal }) => !internal).map(({ name }) => name);
}

/** What an env file says. */
export interface EnvFile {
  /** Names in it that are no setting of ours. */
  unknown: string[];
  /** The data directory of every command that is given beside it without another. */
  home: string;
}

/** Adds the settings of an env file that the environment does not have already; no file, no change. */
export function readEnvFile(path: string): EnvFile {
  const settings = readEnvSettings(path);
  for (const [name, value] of Object.entries(settings)) process.env[name] ??= value;
  const known = new Set<string>([...SETTINGS.map(({ name }) => name), 'AWS_REGION', 'AWS_DEFAULT_REGION']);
  const { AFTERBELL_HOME } = settings;
  const home = AFTERBELL_HOME && !blank(AFTERBELL_HOME) ? AFTERBELL_HOME : undefined;
  return {
    unknown: Object.keys(settings).filter((name) => !known.has(name)),
    home: dataDirectory.safeParse(home).data ?? dataDirectory.parse(undefined),
  };
}

/** Has AWS clients take the region that the aws command line takes, or another one when that is not set either. */
export function preferRegion(otherwise?: string): void {
  const region = process.env.AWS_REGION || process.env.AWS_DEFAULT_REGION || otherwise;
  if (region) process.env.AWS_REGION = region;
}

/** Settings that only this shell has, neither the env file nor what starts a night by a clock. */
export function settingsOfShell(path: string): string[] {
  const stored = readEnvSettings(path);
  return settingNames().filter((name) => (process.env[name] ?? '').trim() !== '' && process.env[name] !== stored[name]);
}

/** The text of `.env.example`, made from the schema so that it cannot go stale. */
export function envExample(): string {
  const lines = ['# Every setting, with its default. Copy to .env and change what you need.'];
  for (const { name, schema, about, internal } of SETTINGS as readonly Setting[]) {
    if (internal) continue;
    const preset = schema.safeParse(undefined);
    const value = preset.success && preset.data !== undefined ? String(preset.data) : '';
    lines.push('', `# ${about}`, `#${name}=${value}`);
  }
  return `${lines.join('\n')}\n`;
}
