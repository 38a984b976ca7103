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
