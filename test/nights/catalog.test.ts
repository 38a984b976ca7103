import { execFile } from 'node:child_process';
import { cpSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, expect, test } from 'vitest';
import { DERIVED_VIEWS } from '../../src/lake/derived-views.ts';
import { callsOf } from '../lake/derived-calls.ts';
import { pythonWith } from '../python.ts';
import { root } from '../terraform/tooling.ts';
import { afterbell } from './command.ts';
import { MORNING, openScene, type Scene, SESSION, scratch, THAT_MORNING } from './scene.ts';

const run = promisify(execFile);
const TOMORROW = { scheduledTime: '2025-11-21T09:00:00Z' };
const VERSIONS = ['1.1.3', '2.0.1'];
const DAY = `DATE '${SESSION}'`;
const CALLS = callsOf(SESSION);
const VIEWS = ['bars', 'sessions', 'bars_5d', 'tickers', 'assets', 'splits', 'dividends', 'index_lists', 'reconcile']
  .concat(['revisions', 'symbol_changes', 'symbol_history', 'quarantine'])
  .concat([`(SELECT * FROM calendar WHERE date <= ${DAY})`, `(SELECT * FROM missing_sessions WHERE date <= ${DAY})`])
  .concat(DERIVED_VIEWS.map(({ name }) => CALLS[name] ?? name));

let scene: Scene;

beforeAll(async () => {
  scene = await openScene();
  expect((await scene.run(MORNING)).outcome.status).toBe('Succeeded');
  await scene.close();
});

const catalogIn = (home: string) => join(home, 'lake', 'catalog', 'afterbell.duckdb');

/** Rows and all of their values, whatever their order; as JSON, which is quoted alike by every version. */
const digest = (view: string) =>
  `SELECT count(*)::INTEGER AS rows, coalesce(md5(string_agg(to_json(t)::VARCHAR, '|' ORDER BY to_json(t)::VARCHAR)), '') AS text FROM (SELECT * FROM ${view}) t`;

async function ask(python: string, catalog: string, statements: readonly string[]): Promise<unknown[][]> {
  const code = `
import duckdb, json, sys
home = duckdb.connect()
home.execute("ATTACH '${catalog}' AS afterbell (READ_ONLY)")
home.execute('USE afterbell')
print(json.dumps([home.execute(sql).fetchall() for sql in json.loads(sys.argv[1])], default=str))`;
  const { stdout } = await run(python, ['-c', code, JSON.stringify(statements)], { maxBuffer: 1 << 28 });
  return JSON.parse(stdout) as unknown[][];
}

test('a night leaves a catalog of less than a megabyte, and a night that changes nothing leaves its bytes', async () => {
  const catalog = catalogIn(scene.home);
  expect(statSync(catalog).size).toBeLessThan(1_000_000);
  const before = [readFileSync(catalog), statSync(catalog).mtimeMs];
  expect((await afterbell(['night', '--session', SESSION], { AFTERBELL_HOME: scene.home })).code).toBe(0);
  expect([readFileSync(catalog), statSync(catalog).mtimeMs]).toEqual(before);
});

test('a home that was moved has a catalog of its new place after run resample', async () => {
  const moved = join(scratch(), 'moved');
  cpSync(scene.home, moved, { recursive: true });
  const { code, stderr } = await afterbell(['run', 'resample'], { AFTERBELL_HOME: moved, ...THAT_MORNING });
  expect(code, stderr).toBe(0);
  const sql = readFileSync(join(moved, 'lake', 'catalog', 'views.sql'), 'utf8');
  expect(sql).toContain(`AS '${join(moved, 'lake')}'`);
  expect(sql).not.toContain(scene.home);
});

for (const version of VERSIONS) {
  test(`DuckDB ${version} attaches it, and every view has the rows of afterbell query`, async ({ skip }) => {
    const python = await pythonWith([`duckdb==${version}`], `its ${version} did not attach a catalog`);
    if (!python) return skip();
    const statements = VIEWS.map(digest);
    const found = await ask(python, catalogIn(scene.home), statements);
    for (const [place, view] of VIEWS.entries()) {
      const { stdout, stderr } = await afterbell(['query', statements[place]!, '--json'], {
        AFTERBELL_HOME: scene.home,
      });
      expect(stderr, view).toBe('');
      const [own] = JSON.parse(stdout) as { rows: number; text: string }[];
      expect(found[place], view).toEqual([[own!.rows, own!.text]]);
    }
    const [[counts]] = (await ask(python, catalogIn(scene.home), [
      'SELECT count(*), min(date), max(date) FROM bars',
    ])) as [[unknown[]]];
    expect(counts![0]).toBeGreaterThan(0);
    expect(counts![2]).toBe(SESSION);
  });
}

test('while a night runs a reader of the last catalog sees whole sessions only, and locks nothing', async () => {
  const second = await openScene();
  expect((await second.run(MORNING)).outcome.status).toBe('Succeeded');
  const seen = new Map<string, Set<number>>();
  let looks = 0;
  const look = async () => {
    looks += 1;
    const instance = await DuckDBInstance.create(catalogIn(second.home), { access_mode: 'READ_ONLY' });
    const connection = await instance.connect();
    for (const view of ['bars', 'sessions']) {
      const rows = await connection.runAndReadAll(`SELECT date::VARCHAR, count(*)::INTEGER FROM ${view} GROUP BY date`);
      for (const [date, count] of rows.getRowsJson() as [string, number][]) {
        const key = `${view} ${date}`;
        seen.set(key, (seen.get(key) ?? new Set()).add(count));
      }
    }
    connection.closeSync();
    instance.closeSync();
  };
  let running = true;
  const reader = (async () => {
    while (running) await look();
  })();
  try {
    expect((await second.run(TOMORROW)).outcome.status).toBe('Succeeded');
  } finally {
    running = false;
    await reader;
  }
  await look();
  expect([...seen].filter(([, counts]) => counts.size > 1)).toEqual([]);
  expect(looks).toBeGreaterThan(1);
  expect(seen.get('bars 2025-11-20')?.size).toBe(1);
  expect(seen.get('bars 2025-11-20')).toEqual(seen.get('sessions 2025-11-20'));
});

/** The snippets of docs/query.md by their first line, each of which leaves `rows`. */
const SNIPPETS = [...readFileSync(join(root, 'docs', 'query.md'), 'utf8').matchAll(/```python\n# (.+)\n([^`]+)```/g)];
const LIBRARIES = ['duckdb==1.5.6', 'pandas==2.3.3', 'polars==1.34.0', 'pyarrow==21.0.0', 'matplotlib==3.10.7'];

test('every Python snippet of the documentation reads a practice lake', async ({ skip }) => {
  expect(SNIPPETS.map(([, name]) => name)).toEqual([
    'duckdb',
    'pandas',
    'polars',
    'pyarrow',
    'files, polars',
    'files, pyarrow',
  ]);
  const python = await pythonWith(LIBRARIES, 'the snippets of docs/query.md were not run');
  if (!python) return skip();
  for (const [, name, code] of SNIPPETS) {
    const told = `${code}\nrows = rows.read_all() if hasattr(rows, 'read_all') else rows\nprint(len(rows))`;
    const { stdout } = await run(python, ['-W', 'error', '-c', told], { cwd: scene.home });
    expect(Number(stdout), name).toBeGreaterThan(0);
  }
});

/** The statements of "Five tasks", by what each says of itself. */
const TASKS = [...readFileSync(join(root, 'docs', 'query.md'), 'utf8').matchAll(/```sql\n(-- (.+)\n[^`]+)```/g)];

test('the five tasks and the notebook of the documentation answer from a home after its first night', async ({
  skip,
}) => {
  // A market large enough for a split on its last day.
  const env = { AFTERBELL_HOME: join(scratch(), 'home'), HISTORY_SESSIONS: '30', SYMBOLS: '200' };
  const first = await afterbell(['night', '--session', SESSION], env);
  expect(first.code, first.stderr).toBe(0);
  const revised = await afterbell(['night', '--session', SESSION, '--misbehave', 'late-correction'], env);
  expect(revised.code, revised.stdout).toBe(0);
  expect(TASKS).toHaveLength(5);
  const answers: string[] = [];
  for (const [, statement] of TASKS) {
    const { stdout, stderr } = await afterbell(['query', statement!, '--json'], env);
    expect(stderr).toBe('');
    answers.push(stdout);
  }
  const counts = answers.map((answer) => (JSON.parse(answer) as unknown[]).length);
  for (const [place, [, , task]] of TASKS.entries()) expect(counts[place], task).toBeGreaterThan(0);
  const python = await pythonWith(LIBRARIES, 'docs/examples/market.py was not run');
  if (!python) return skip();
  const [attached] = [
    await ask(
      python,
      catalogIn(env.AFTERBELL_HOME),
      TASKS.map(([, statement]) => statement!),
    ),
  ];
  expect(attached.map((rows) => rows.length)).toEqual(counts);
  const notebook = join(root, 'docs', 'examples', 'market.py');
  const { stdout } = await run(python, ['-W', 'error', notebook], { cwd: env.AFTERBELL_HOME });
  expect(stdout.trim().split('\n')).toHaveLength(11);
  expect(readFileSync(notebook, 'utf8').trim().split('\n').length).toBeLessThanOrEqual(25);
  expect(statSync(join(env.AFTERBELL_HOME, 'market.png')).size).toBeGreaterThan(10_000);
});
