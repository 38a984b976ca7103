import { readDay } from '../calendar/dates.ts';
import { LIST_VIEWS } from '../datasets/registry.ts';
import { errorName } from '../errors.ts';
import { dateOfKey, type Lake, listAll } from '../lake/lake.ts';
import { decodeRows, type Row } from '../lake/parquet.ts';
import { counted, figure, list } from '../text.ts';
import { type Html, html, tableOf } from './html.ts';
import { symbolPath } from './symbol-page.ts';

const ROWS = 100;
const DATES = 12;

/** A request that cannot be answered as it is, for whoever typed it. */
export interface Refused {
  status: 400 | 404;
  what: string;
  found?: string;
  wanted?: string;
}

interface Snapshot {
  date: string;
  key: string;
}

/** Every reference list, with its newest snapshot. */
export async function listsContent(lake: Lake): Promise<Html> {
  const rows = await Promise.all(
    LIST_VIEWS.map(async ({ dataset }) => {
      const stored = await snapshots(lake, dataset);
      const newest = stored.at(-1);
      const link = newest ? html`<a href="/lists/${dataset}">${dataset}</a>` : dataset;
      return [link, newest?.date ?? 'none yet', newest ? await rowsOf(lake, newest) : '', figure(stored.length)];
    }),
  );
  const number = true;
  const columns = [{ title: 'list' }, { title: 'newest' }, { title: 'rows', number }, { title: 'snapshots', number }];
  return tableOf('A snapshot is stored when a list changed.', columns, rows);
}

async function rowsOf(lake: Lake, { key }: Snapshot): Promise<string> {
  try {
    return figure((await decodeRows((await lake.read(key)) ?? new Uint8Array(), key, [])).length);
  } catch (error) {
    return errorName(error);
  }
}

/**
 * The rows of a snapshot that hold a text, some at a time.
 * @throws Lake.Corrupt
 */
export async function listContent(
  lake: Lake,
  dataset: string,
  { date: wanted, text, from }: { date: string | null; text: string; from: string },
): Promise<Html | Refused> {
  const view = LIST_VIEWS.find((one) => one.dataset === dataset);
  const known = LIST_VIEWS.map((one) => one.dataset);
  if (!view)
    return { status: 404, what: 'there is no such list', found: dataset, wanted: `one of ${known.join(', ')}` };
  if (wanted !== null && readDay(wanted) === undefined)
    return {
      status: 400,
      what: 'date is no calendar date',
      found: wanted,
      wanted: 'a day that exists, written YYYY-MM-DD',
    };
  if (!/^\d{1,9}$/.test(from)) return { status: 400, what: 'from is no row', found: from, wanted: 'a whole number' };
  const stored = await snapshots(lake, dataset);
  const shown = wanted === null ? stored.at(-1) : stored.find(({ date }) => date === wanted);
  if (!shown) {
    const dates = stored.slice(-3).map(({ date }) => date);
    const what = `the lake holds no list of ${dataset}${wanted === null ? '' : ` of ${wanted}`}`;
    return { status: 404, what, wanted: dates.length > 0 ? `for instance ${list(dates)}` : 'a night that fetched it' };
  }
  const rows = await decodeRows((await lake.read(shown.key)) ?? new Uint8Array(), shown.key, []);
  const needle = text.trim().toLowerCase();
  const matching = needle === '' ? rows : rows.filter((row) => holds(row, needle));
  const head = Object.keys(rows[0] ?? Object.fromEntries(view.columns.map(({ name }) => [name, ''])));
  const first = Math.min(Number(from), Math.max(matching.length - 1, 0));
  const page = matching.slice(first, first + ROWS);
  const columns = head.map((title) => ({ title }));
  const cells = page.map((row) => head.map((title) => cellOf(title, row[title])));
  const path = (start: number) =>
    `/lists/${dataset}?${new URLSearchParams({ date: shown.date, q: text, from: String(start) })}`;
  const dates = stored.slice(-DATES).reverse();
  return html`<p>${counted(matching.length, 'row')}${needle !== '' && html` of ${figure(rows.length)}`} on ${shown.date}.</p>
<form action="/lists/${dataset}" method="get" role="search"><input type="hidden" name="date" value="${shown.date}"><label>Rows with <input name="q" value="${text}" maxlength="100" autocomplete="off" spellcheck="false"></label> <button>Filter</button></form>
${page.length > 0 && tableOf(`Rows ${figure(first + 1)} to ${figure(first + page.length)}.`, columns, cells)}
<nav aria-label="More rows"><ul>${first > 0 && html`<li><a href="${path(Math.max(first - ROWS, 0))}">Rows before</a></li>`}${first + ROWS < matching.length && html`<li><a href="${path(first + ROWS)}">More rows</a></li>`}</ul></nav>
<nav aria-label="Snapshots"><p class="quiet">Newest snapshots:</p><ul>${dates.map(({ date }) => html`<li><a href="/lists/${dataset}?date=${date}"${date === shown.date && html` aria-current="page"`}>${date}</a></li>`)}</ul></nav>`;
}

function holds(row: Row, needle: string): boolean {
  return Object.values(row).some((value) => value !== null && String(value).toLowerCase().includes(needle));
}

function cellOf(title: string, value: Row[string] | undefined): string | Html {
  if (value === null || value === undefined) return '';
  if (title === 'symbol') return html`<a href="${symbolPath(String(value))}">${String(value)}</a>`;
  return String(value);
}

async function snapshots(lake: Lake, dataset: string): Promise<Snapshot[]> {
  return (await listAll(lake, `reference/${dataset}/date=`)).flatMap(({ key }) => {
    const date = dateOfKey(key);
    return key.endsWith('.parquet') && date ? [{ date, key }] : [];
  });
}
