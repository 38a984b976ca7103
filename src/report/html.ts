import { SERVED_STYLE, STYLE } from './style.ts';

/** Nothing may be fetched and nothing may run: the page is what it is, wherever it is opened. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/** A served page may send forms to where it came from, and run one script from there, which may ask it for more. */
const SERVED_POLICY = `${POLICY}; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'`;

/** A whole page around its sections. `served`: by report --serve, with the path of its script, where there is one. */
export function documentOf(
  title: string,
  body: Html,
  { served }: { served?: { script?: string | undefined } } = {},
): string {
  const policy = served ? SERVED_POLICY : `${POLICY}; base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${trusted(policy)}">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${trusted(STYLE)}${served && trusted(SERVED_STYLE)}</style>${served?.script && html`\n<script defer src="${served.script}"></script>`}
</head>
<body>
${body}
</body>
</html>
`.text;
}

export interface Column {
  title: string;
  /** Right-aligned figures. */
  number?: boolean;
  /** May take several lines. */
  long?: boolean;
  /** Its words are statuses and take their colour. */
  word?: boolean;
}

/** A table that scrolls by itself when it is wider than the page; the first column heads its row. */
export function tableOf(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly (string | Html)[])[],
): Html {
  const kind = ({ number, long }: Column) =>
    number ? trusted(' class="number"') : long ? trusted(' class="long"') : '';
  const cell = (value: string | Html, index: number) => {
    const column = columns[index]!;
    if (index === 0) return html`<th scope="row">${value}</th>`;
    if (column.word) return html`<td class="word ${value}">${value}</td>`;
    return html`<td${kind(column)}>${value}</td>`;
  };
  return html`<div class="wide" role="region" aria-label="${caption}" tabindex="0"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map((column) => html`<th scope="col"${kind(column)}>${column.title}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => html`<tr>${row.map(cell)}</tr>`)}
</tbody>
</table></div>`;
}

/** A picture with the words that belong to it; too wide for the page, it scrolls by itself. */
export function figureOf(caption: string, picture: Html): Html {
  return html`<figure><div class="wide plot" role="region" aria-label="${caption}" tabindex="0">${picture}</div><figcaption>${caption}</figcaption></figure>`;
}

/** Text that is HTML already. Only `html` and `trusted` make it, so that what vendors wrote is shown and never run. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Html | readonly Html[] | null | undefined | false;

/** A template whose values are escaped unless they are HTML themselves. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  let text = strings[0]!;
  for (const [index, value] of values.entries()) text += inert(value) + strings[index + 1]!;
  return new Html(text);
}

/** Markup of our own making, such as an SVG that a library drew from escaped texts. */
export function trusted(text: string): Html {
  return new Html(text);
}

function inert(value: Value): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map((piece: Html) => piece.text).join('\n');
  return String(value).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
