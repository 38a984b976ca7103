import { NamedError } from '../errors.ts';

/**
 * The path as DuckDB's pattern for just this file: in its file functions `*`, `?` and `[` match other files, too.
 * @throws Config.Invalid for a path with one of them and a backslash, which no pattern of DuckDB's matches
 */
export function exactPath(path: string): string {
  if (!/[*?[]/.test(path)) return path;
  if (path.includes('\\')) {
    throw new NamedError('Config.Invalid', {
      what: 'the path of the data directory cannot be read by DuckDB',
      found: JSON.stringify(path),
      wanted: 'no backslash beside *, ? or [',
      todo: 'Rename the folder, or set AFTERBELL_HOME or LAKE_URI to another one.',
    });
  }
  return path.replace(/[*?[]/g, '[$&]');
}

/** Files for a file function of DuckDB, as a list in SQL. */
export function fileList(paths: readonly string[]): string {
  return textList(paths.map(exactPath));
}

/** Texts as a list in SQL. */
export function textList(texts: readonly string[]): string {
  return `[${texts.map(sqlText).join(', ')}]`;
}

/** A text in SQL, in its quotes. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
