import { statement } from '../text.ts';
import { textList } from './exact-paths.ts';
import texts from './views.sql';

/** A view, or a macro with parameters, that is made of others. */
interface DerivedView {
  name: string;
  /** Of a macro: `kind, as_of`. */
  parameters?: string;
  /** Views and macros it reads, which must be there before. */
  needs: readonly string[];
  select(of: DerivedSources): string;
}

/** What of a lake the texts are made with. */
export interface DerivedSources {
  /** The view of all bars as traded. */
  bars: string;
  benchmarks: readonly string[];
  /** Snapshots of the lists that are asked for as they were; none where nothing of them is read. */
  snapshots: Readonly<Record<string, Snapshots>>;
}

export interface Snapshots {
  /** Oldest first. */
  dates: readonly string[];
  /** SQL of a file, by SQL of its day's place, which counts from 1. */
  fileAt(place: string): string;
}

/** The lists whose snapshots of any day can be asked for. */
export const DATED_LISTS = ['splits', 'dividends', 'symbol_history'] as const;

const filled = (name: string, values: Readonly<Record<string, string>>): string =>
  statement(texts, name).replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
const inParentheses = (sql: string) => `(\n${sql}\n)`;

/** Relations of the actions that bars are adjusted by. */
interface Actions {
  bars: string;
  splits: string;
  dividends: string;
  symbol_history: string;
  /** The days there are bars of. */
  sessions: string;
}

const actionsOf = (of: Actions) => filled('corporate-actions', { ...of, newest: newestOf(of.sessions) });
const factorsOf = (symbol_history: string, corporate_actions: string) =>
  filled('adjustment-factors', { symbol_history, corporate_actions });
const EVERY_DIVIDEND = 'coalesce(f.dividend_factor, 1)';
const KIND = `CASE kind WHEN 'split' THEN 1.0::DOUBLE WHEN 'total_return' THEN ${EVERY_DIVIDEND}
    ELSE error('bars_adjusted: kind is split or total_return, found ' || kind)::VARCHAR::DOUBLE END`;

const newestOf = (sessions: string) => `(SELECT max(date) FROM ${sessions})`;
const sessionsOf = (bars: string) => `(SELECT DISTINCT date FROM ${bars})`;
/** The factors of some symbols alone, or of splits alone. */
function ownFactors(bars: string, where: { symbols?: string; dividends?: string }): string {
  const { symbols = 'true', dividends = symbols } = where;
  const part = (view: string, condition: string) =>
    condition === 'true' ? view : `(SELECT * FROM ${view} WHERE ${condition})`;
  const history = part('symbol_history', symbols);
  const of = {
    bars: part(bars, symbols),
    splits: part('splits', symbols),
    dividends: part('dividends', dividends),
    symbol_history: history,
    sessions: sessionsOf(bars),
  };
  return inParentheses(factorsOf(history, inParentheses(actionsOf(of))));
}

/**
 * The place of the last of these days, in order, that is not after as_of: where a text just behind as_of is put in. A list
 * comprehension would say it more plainly, but DuckDB 1.1 takes its variable for a column of a joined table.
 */
function newestPlace(days: readonly string[]): string {
  const behind = "as_of::DATE::VARCHAR || '~'";
  return `greatest(list_position(list_sort(list_append(${textList(days)}, ${behind}), 'ASC'), ${behind}) - 1, 1)`;
}

const asKnown = (list: string): DerivedView => ({
  name: `${list}_as_known`,
  parameters: 'as_of',
  needs: [list],
  select({ snapshots }) {
    const own = snapshots[list];
    if (!own || own.dates.length === 0) return `SELECT * FROM ${list} WHERE as_of IS NULL AND false`;
    return filled('list-as-known', { file: own.fileAt(newestPlace(own.dates)), first: `DATE '${own.dates[0]}'` });
  },
});

/** In an order in which each finds what it needs. */
export const DERIVED_VIEWS: readonly DerivedView[] = [
  { name: 'index_members', needs: ['index_lists'], select: () => filled('index-members', {}) },
  {
    name: 'corporate_actions',
    needs: ['all_bars', 'splits', 'dividends', 'symbol_history'],
    select: ({ bars }) =>
      actionsOf({
        bars,
        splits: 'splits',
        dividends: 'dividends',
        symbol_history: 'symbol_history',
        sessions: sessionsOf(bars),
      }),
  },
  {
    name: 'adjustment_factors',
    needs: ['corporate_actions'],
    select: () => factorsOf('symbol_history', 'corporate_actions'),
  },
  {
    name: 'bars_split_adjusted',
    needs: ['all_bars', 'splits', 'dividends', 'symbol_history'],
    select: ({ bars }) =>
      filled('adjusted-bars', {
        bars,
        factors: ownFactors(bars, { dividends: 'false' }),
        dividend_factor: '1.0::DOUBLE',
      }),
  },
  {
    name: 'bars_total_return',
    needs: ['adjustment_factors'],
    select: ({ bars }) =>
      filled('adjusted-bars', { bars, factors: 'adjustment_factors', dividend_factor: EVERY_DIVIDEND }),
  },
  {
    name: 'dividend_factors',
    needs: ['adjustment_factors'],
    select: ({ bars }) =>
      filled('dividend-factors', {
        newest: newestOf(bars),
        corporate_actions: 'corporate_actions',
        factors: 'adjustment_factors',
        dividends: 'dividends',
      }),
  },
  {
    name: 'benchmark',
    needs: ['all_bars', 'splits', 'dividends', 'symbol_history'],
    select({ bars, benchmarks }) {
      const symbols = `list_contains(${textList(benchmarks)}, symbol)`;
      const own = `(SELECT * FROM ${bars} WHERE ${symbols})`;
      const factors = ownFactors(bars, { symbols });
      const adjusted = filled('adjusted-bars', { bars: own, factors, dividend_factor: EVERY_DIVIDEND });
      return filled('benchmark', { bars: own, adjusted: inParentheses(adjusted) });
    },
  },
  {
    name: 'universe',
    parameters: 'as_of',
    needs: ['symbol_history'],
    select: () => filled('universe', { symbol_history: 'symbol_history' }),
  },
  {
    name: 'members',
    parameters: 'index_name, as_of',
    needs: ['index_members'],
    select: () => filled('members', { index_members: 'index_members' }),
  },
  {
    name: 'sessions_as_known',
    parameters: 'as_of',
    needs: ['all_bars', 'revisions'],
    select: ({ bars }) => filled('sessions-as-known', { bars, revisions: 'revisions' }),
  },
  {
    name: 'bars_as_known',
    parameters: 'as_of',
    needs: ['sessions_as_known'],
    select: ({ bars }) =>
      filled('bars-as-known', { bars, revisions: 'revisions', sessions: 'sessions_as_known(as_of)' }),
  },
  ...DATED_LISTS.map(asKnown),
  {
    name: 'bars_adjusted',
    parameters: 'kind, as_of',
    needs: ['bars_as_known', ...DATED_LISTS.map((list) => `${list}_as_known`)],
    select() {
      const [bars, history] = ['bars_as_known(as_of)', 'symbol_history_as_known(as_of)'];
      const [splits, dividends] = ['splits_as_known(as_of)', 'dividends_as_known(as_of)'];
      const actions = actionsOf({
        bars,
        splits,
        dividends,
        symbol_history: history,
        sessions: 'sessions_as_known(as_of)',
      });
      const factors = inParentheses(factorsOf(history, inParentheses(actions)));
      // In one order whatever was corrected since: the same rows are then the same bytes.
      return `${filled('adjusted-bars', { bars, factors, dividend_factor: KIND })}\nORDER BY symbol, date`;
    },
  },
];

/** The statement that makes it. */
export function createDerived(view: DerivedView, of: DerivedSources): string {
  const { name, parameters } = view;
  const kind = parameters === undefined ? `VIEW "${name}" AS` : `MACRO "${name}"(${parameters}) AS TABLE`;
  return `CREATE ${kind}\n${view.select(of)}`;
}

/** Pure: the views that those wanted are made of, themselves among them. */
export function neededFor(isWanted: (name: string) => boolean): ReadonlySet<string> {
  const needed = new Set<string>();
  for (const view of DERIVED_VIEWS.toReversed()) {
    if (!isWanted(view.name) && !needed.has(view.name)) continue;
    needed.add(view.name);
    for (const name of view.needs) needed.add(name);
  }
  return needed;
}
