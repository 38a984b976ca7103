/** A statement cut at its named parameters. */
export interface ParsedSql {
  /** Text pieces; `names[i]` stands between `pieces[i]` and `pieces[i + 1]`. */
  pieces: string[];
  names: string[];
  /** Statements found; an empty one after the last `;` does not count. */
  statements: number;
  /** First keyword in lower case: `select`, `with`, `begin`; '' for an empty statement. */
  keyword: string;
}

const WORD = String.raw`[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*`;
const TOKEN = new RegExp(
  [
    String.raw`(?<![\w$])[eE]'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*'`,
    `'[^']*(?:''[^']*)*'`,
    `"[^"]*(?:""[^"]*)*"`,
    String.raw`--[^\n]*`,
    String.raw`/\*`,
    String.raw`(?<![\w$])\$(?:${WORD})?\$`,
    '::',
    ':=',
    String.raw`:(?<name>[A-Za-z_]\w*)`,
    ';',
    WORD,
    String.raw`[^\s]`,
  ].join('|'),
  'g',
);

/**
 * Finds the named parameters (`:name`) of a PostgreSQL statement, skipping quotes, comments, casts (`::`) and
 * dollar-quoted bodies. (The Data API itself replaces names inside dollar quotes too; do not write any there.)
 */
export function parseSql(sql: string): ParsedSql {
  const parsed: ParsedSql = { pieces: [], names: [], statements: 0, keyword: '' };
  const token = new RegExp(TOKEN);
  let pieceStart = 0;
  let inStatement = false;
  for (let match = token.exec(sql); match; match = token.exec(sql)) {
    const text = match[0];
    if (text === '/*') {
      token.lastIndex = commentEnd(sql, match.index);
      continue;
    }
    if (text.startsWith('--')) continue;
    if (text === ';') {
      inStatement = false;
      continue;
    }
    if (!inStatement) parsed.statements += 1;
    inStatement = true;
    if (parsed.keyword === '' && /^[A-Za-z]/.test(text)) parsed.keyword = text.toLowerCase();
    if (text.length > 1 && text.startsWith('$')) {
      const end = sql.indexOf(text, token.lastIndex);
      token.lastIndex = end < 0 ? sql.length : end + text.length;
    } else if (match.groups?.name !== undefined) {
      parsed.pieces.push(sql.slice(pieceStart, match.index));
      parsed.names.push(match.groups.name);
      pieceStart = token.lastIndex;
    }
  }
  parsed.pieces.push(sql.slice(pieceStart));
  return parsed;
}

/** PostgreSQL's block comments nest. Index after the one that starts at `start`. */
function commentEnd(sql: string, start: number): number {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = start;
  let depth = 0;
  for (let match = edge.exec(sql); match; match = edge.exec(sql)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return sql.length;
}
