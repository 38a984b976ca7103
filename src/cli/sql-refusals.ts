import { NamedError } from '../errors.ts';
import { nearestName } from '../text.ts';

/** What a refused query is told besides. */
interface Known {
  /** What may stand after FROM. */
  tables: readonly string[];
  /** A sentence that says which those are. */
  wanted: string;
}

/** The words a statement of ours is made of; one of them was meant where the grammar stumbles. */
const KEYWORDS =
  'SELECT FROM WHERE GROUP ORDER BY HAVING LIMIT OFFSET JOIN LEFT RIGHT INNER OUTER FULL CROSS USING UNION DISTINCT BETWEEN ILIKE LIKE CASE WHEN THEN ELSE END WITH VALUES DESC ASC NULLS EXPLAIN DESCRIBE SUMMARIZE PIVOT'.split(
    ' ',
  );

/** Pure: a refusal of DuckDB as a person reads it: the word that was not known, the nearest one, and where it stands. */
export function duckdbRefusal(error: Error, known: Known): NamedError {
  const [first = '', ...rest] = error.message.trim().split('\n');
  const place = rest.findIndex((line) => /^LINE \d+:/.test(line));
  // What lies between is a list of names, of which the nearest is enough; without a place all of it is the message.
  const pointer = place < 0 ? rest : rest.slice(place);
  const said = unknownWord(first.replace(/^(?:Failed to [a-z ]+: )?(?:[A-Z]\w+ )+Error: /, ''), {
    tables: known.tables,
    columns: quotedNames(error.message),
  });
  return refusal([said, ...pointer], known, error);
}

/**
 * Pure: a refusal of PostgreSQL as a person reads it. A position counts in the statement that was sent.
 * @param sent the statement, with what we wrote around the user's own
 */
export function postgresRefusal(error: Error, { sql, sent }: { sql: string; sent: string }, known: Known): NamedError {
  const parts = error.message.replace(/^.*?\bERROR: /s, '').split('; ');
  const position = Number(parts.find((part) => part.startsWith('Position: '))?.slice('Position: '.length));
  const words = parts.filter((part) => !/^(Position|SQLState): /.test(part)).join('; ');
  const said = unknownWord(words, { tables: known.tables, columns: quotedNames(words) });
  return refusal([said, ...pointerTo(sql, position - 1 - sent.indexOf(sql))], known, error);
}

function refusal(lines: readonly string[], { wanted }: Known, cause: Error): NamedError {
  return new NamedError('Usage.Invalid', [...lines, wanted].join('\n'), { cause });
}

function quotedNames(text: string): string[] {
  return [...text.matchAll(/"([^"]+)"/g)].map(([, name]) => name!.replace(/^.*\./, ''));
}

/** Table, column, function or keyword: each engine has its own sentence. */
function unknownWord(said: string, near: { tables: readonly string[]; columns: readonly string[] }): string {
  const table =
    /^(?:Table|View) with name "?(.+?)"? does not exist/.exec(said)?.[1] ??
    /^relation "(.+?)" does not exist/.exec(said)?.[1];
  if (table) return suggest(`there is no table or view ${table}`, table, near.tables);
  const routine = /^\w+ Function with name "?(.+?)"? does not exist/.exec(said)?.[1];
  if (routine) return suggest(`there is no function ${routine}`, routine, near.columns);
  const column =
    /^Referenced column "(.+?)" not found/.exec(said)?.[1] ??
    /does not have a column named "(.+?)"/.exec(said)?.[1] ??
    /^column "?(.+?)"? does not exist/.exec(said)?.[1];
  if (column) {
    return suggest(
      `there is no column ${column}`,
      column,
      near.columns.filter((name) => name !== column),
    );
  }
  const word = /^syntax error at or near "(.+?)"/.exec(said)?.[1];
  if (word && !KEYWORDS.includes(word.toUpperCase())) return suggest(said, word, KEYWORDS);
  return said;
}

function suggest(what: string, word: string, known: readonly string[]): string {
  const name = nearestName(word.replace(/^.*\./, ''), known);
  return name === undefined ? what : `${what}. Did you mean ${name}?`;
}

/** The line of a statement that a place lies in, with a mark below; nothing for a place outside of it. */
function pointerTo(sql: string, offset: number): string[] {
  if (!(offset >= 0 && offset <= sql.length)) return [];
  const before = sql.slice(0, offset).split('\n');
  const line = sql.split('\n')[before.length - 1] ?? '';
  const head = `LINE ${before.length}: `;
  return [`${head}${line}`, `${' '.repeat(head.length + before.at(-1)!.length)}^`];
}
