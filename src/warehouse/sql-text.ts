const WORD = String.raw`[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*`;

/** Where SQL is none: texts and names in quotes, comments, and the beginning of a dollar-quoted body. */
export const QUOTED_SQL = [
  String.raw`(?<![\w$])[eE]'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*'`,
  `'[^']*(?:''[^']*)*'`,
  `"[^"]*(?:""[^"]*)*"`,
  String.raw`--[^\r\n]*`,
  String.raw`/\*`,
  String.raw`(?<![\w$])\$(?:${WORD})?\$`,
] as const;
export const SQL_WORD = WORD;

const PIECE = new RegExp(QUOTED_SQL.join('|'), 'g');

/** The comments of a statement: from where to where. */
export function commentsIn(sql: string): [from: number, to: number][] {
  const comments: [number, number][] = [];
  const piece = new RegExp(PIECE);
  for (let match = piece.exec(sql); match; match = piece.exec(sql)) {
    const [text] = match;
    if (text.startsWith('$')) {
      const end = sql.indexOf(text, piece.lastIndex);
      piece.lastIndex = end < 0 ? sql.length : end + text.length;
    } else if (text === '/*') piece.lastIndex = commentEnd(sql, match.index);
    if (text.startsWith('--') || text === '/*') comments.push([match.index, piece.lastIndex]);
  }
  return comments;
}

/**
 * The same statement with blanks in the place of comments, so that positions in it stay: the Data API looks for
 * parameters, quotes and semicolons in comments, too.
 */
export function withoutComments(sql: string): string {
  let text = '';
  let done = 0;
  for (const [from, to] of commentsIn(sql)) {
    text += sql.slice(done, from) + sql.slice(from, to).replace(/[^\r\n]/g, ' ');
    done = to;
  }
  return text + sql.slice(done);
}

/** PostgreSQL's block comments nest. Index after the one that starts at `start`. */
export function commentEnd(sql: string, start: number): number {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = start;
  let depth = 0;
  for (let match = edge.exec(sql); match; match = edge.exec(sql)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return sql.length;
}
