import { NamedError } from '../errors.ts';
import { keys } from '../lake/keys.ts';
import { type Lake, readJson, writeIfChanged } from '../lake/lake.ts';
import type { NightReport } from './night.ts';

/** Renders the page of the report at `key` beside it; returns the page's key. */
export async function renderReport(key: string, lake: Lake): Promise<string> {
  const report = await readJson<NightReport>(lake, key);
  if (!report) throw new NamedError('Data.Invalid', { what: `there is no report ${key}`, wanted: 'a closed night' });
  const file = key.endsWith('/night.json')
    ? 'index.html'
    : `${key
        .split('/')
        .at(-1)!
        .replace(/\.json$/, '')}.html`;
  const page = keys.report(report.session, file);
  await writeIfChanged(lake, page, Buffer.from(reportPage(report)));
  return page;
}

/** Pure: one self-contained page. */
export function reportPage(report: NightReport): string {
  const { session, status, kind, runId, startedAt, seconds, practice, datasets, reasons, notes } = report;
  const rows = datasets.map(
    (set) =>
      `<tr><th scope="row">${inert(set.name)}</th><td>${set.status}</td>${[
        set.rows,
        set.new,
        set.changed,
        set.revised,
        set.rejected,
        set.pages,
        set.seconds.toFixed(1),
      ]
        .map((value) => `<td class="number">${value}</td>`)
        .join('')}</tr>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>afterbell ${session}: ${status}</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { padding: .25rem .5rem; text-align: left; border-bottom: 1px solid #8884 }
.number { text-align: right; font-variant-numeric: tabular-nums }
.practice { border: 2px solid #b80; padding: .5rem 1rem }
</style>
</head>
<body>
<h1>${session}: ${status}</h1>
${practice ? '<p class="practice"><strong>Practice data.</strong> These figures come from a practice market, not from a vendor.</p>' : ''}
<p>${inert(kind)} ${inert(runId)}, started ${inert(startedAt)}, ${seconds.toFixed(1)} s.</p>
${list('Why', reasons)}
<table>
<thead><tr><th>dataset</th><th>status</th>${['rows', 'new', 'changed', 'revised', 'rejected', 'pages', 'seconds'].map((name) => `<th class="number">${name}</th>`).join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
${list('Worth a look', notes)}
</body>
</html>
`;
}

function list(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return `<h2>${title}</h2>\n<ul>\n${lines.map((line) => `<li>${inert(line)}</li>`).join('\n')}\n</ul>`;
}

function inert(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
