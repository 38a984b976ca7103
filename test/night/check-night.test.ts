import { describe, expect, test } from 'vitest';
import { sessionsBetween } from '../../src/calendar/calendar.ts';
import { keys } from '../../src/lake/lake.ts';
import { encodeRows } from '../../src/lake/parquet.ts';
import { encodeBars, readIngest, writeIngest } from '../../src/lake/session-files.ts';
import { writeNote } from '../../src/lake/staging.ts';
import { checkNight } from '../../src/night/check-night.ts';
import type { Bar } from '../../src/records/bar.ts';
import { bars } from '../checks/bars.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import { publish } from '../lake/published.ts';

const DATES = sessionsBetween('2025-11-03', '2025-11-28');

/** A lake with the first `held` sessions published, 100 rows each. */
async function lakeOf(held: number) {
  const lake = new MemoryLake();
  for (const date of DATES.slice(0, held)) await publish(lake, date, bars(100, date));
  return lake;
}

/** The symbols of `rejected` are known when it is a list, a bare count has none. */
async function stage(lake: MemoryLake, date: string, rows: Bar[], rejects: number | string[] = 0, again = false) {
  const rejected = Array.isArray(rejects) ? rejects.length : rejects;
  if (Array.isArray(rejects)) {
    const lines = rejects.map((symbol) => JSON.stringify({ dataset: 'prices', date, symbol, reason: 'flaw', row: {} }));
    await lake.write(keys.stagedRejects('r1', date), Buffer.from(lines.join('\n')));
  }
  await lake.write(keys.staged('r1', date), encodeBars(rows));
  const note = {
    date,
    rows: rows.length,
    rejected,
    source: 'test',
    kind: 'practice' as const,
    runId: 'r1',
    ingestedAt: `${date}T23:00:00.000Z`,
    ...(again && { again }),
  };
  await writeNote(lake, 'r1', note);
}

test('a night like the ones before is published', async () => {
  const lake = await lakeOf(6);
  await stage(lake, DATES[6]!, bars(101, DATES[6]!));
  expect(await checkNight('r1', lake)).toEqual({
    publish: [DATES[6]],
    held: [],
    unchanged: [],
    holds: [],
    notes: [],
  });
});

test('half a session is held, and released passes all the same', async () => {
  const lake = await lakeOf(6);
  await stage(lake, DATES[6]!, bars(50, DATES[6]!));
  const checked = await checkNight('r1', lake);
  expect(checked).toMatchObject({ publish: [], held: [DATES[6]] });
  expect(checked.holds[0]).toBe(`${DATES[6]}: 50 rows, usually 100 (band 90 to 125 from the last 6 sessions)`);
  expect(await checkNight('r1', lake, [DATES[6]!])).toMatchObject({ publish: [DATES[6]], held: [], holds: [] });
});

test('in a chunk a held session is no yardstick, one that passed is', async () => {
  const lake = new MemoryLake();
  for (const date of DATES.slice(0, 5)) await stage(lake, date, bars(100, date));
  await stage(lake, DATES[5]!, bars(40, DATES[5]!));
  for (const date of DATES.slice(6, 8)) await stage(lake, date, bars(100, date));
  const checked = await checkNight('r1', lake);
  expect(checked.held).toEqual([DATES[5]]);
  expect(checked.publish).toEqual([...DATES.slice(0, 5), ...DATES.slice(6, 8)]);
});

test('the session after a held one is not compared with it', async () => {
  const lake = await lakeOf(6);
  const jumped = bars(100, DATES[6]!, { open: 100, high: 120, low: 90, close: 110 });
  await stage(lake, DATES[6]!, jumped);
  await stage(lake, DATES[7]!, bars(100, DATES[7]!));
  expect(await checkNight('r1', lake)).toMatchObject({ held: [DATES[6]], publish: [DATES[7]] });
});

test('a repeat with many symbols fewer than what is served is held', async () => {
  const lake = await lakeOf(3);
  await stage(lake, DATES[2]!, bars(80, DATES[2]!));
  const { holds } = await checkNight('r1', lake);
  expect(holds).toHaveLength(2);
  expect(holds[1]).toContain('20 of the 100 symbols of what is served for this session are missing');
});

test('rejected rows of the note count', async () => {
  const lake = await lakeOf(0);
  await stage(lake, DATES[0]!, bars(90, DATES[0]!), 10);
  expect((await checkNight('r1', lake)).holds[0]).toContain('10 of 100 rows were rejected');
});

test('a session whose note is missing is not there', async () => {
  const lake = await lakeOf(0);
  await lake.write(keys.staged('r1', DATES[0]!), encodeBars(bars(3, DATES[0]!)));
  expect(await checkNight('r1', lake)).toEqual({ publish: [], held: [], unchanged: [], holds: [], notes: [] });
});

test('of many reasons twenty are named', async () => {
  const lake = new MemoryLake();
  const all = sessionsBetween('2025-01-02', '2025-03-31').slice(0, 25);
  for (const date of all) await stage(lake, date, []);
  const checked = await checkNight('r1', lake);
  expect(checked.held).toHaveLength(25);
  expect(checked.holds).toHaveLength(20);
});

describe('a second look', () => {
  const at = DATES[3]!;

  test('at a session that is served so leaves staging and touches nothing else', async () => {
    const lake = await lakeOf(6);
    const before = lake.contents();
    await stage(lake, at, bars(100, at), 0, true);
    expect(await checkNight('r1', lake)).toEqual({ publish: [], held: [], unchanged: [at], holds: [], notes: [] });
    expect(lake.contents()).toEqual(before);
  });

  test.each<[string, (lake: MemoryLake) => Promise<void>]>([
    ['that brings a correction', (lake) => stage(lake, at, bars(100, at, { close: 11.5 }), 0, true)],
    ['that brings a row less', (lake) => stage(lake, at, bars(99, at), 0, true)],
    ['that rejects a row', (lake) => stage(lake, at, bars(100, at), 1, true)],
    ['asked for by name', (lake) => stage(lake, at, bars(100, at))],
    [
      'at a damaged session file',
      async (lake) => {
        await stage(lake, at, bars(100, at), 0, true);
        await lake.write(keys.session(at), Buffer.from('PAR1'));
      },
    ],
  ])('%s is published', async (_what, prepare) => {
    const lake = await lakeOf(6);
    await prepare(lake);
    expect(await checkNight('r1', lake)).toMatchObject({ publish: [at], unchanged: [], held: [] });
  });

  const refused = ['S000', 'S001', 'S002', 'S003', 'S004', ''];

  test('whose rows were refused is not a row less, and once it is served so it leaves staging with a word', async () => {
    const lake = await lakeOf(6);
    await stage(lake, at, bars(100, at).slice(5), refused.slice(0, 5), true);
    expect(await checkNight('r1', lake)).toEqual({ publish: [at], held: [], unchanged: [], holds: [], notes: [] });
    await writeIngest(lake, { ...(await readIngest(lake, at))!, rejected: 5 });
    const note = `${at}: 5 refused rows left the served bars as they were: S000, S001, S002, S003, S004`;
    expect(await checkNight('r1', lake)).toMatchObject({ publish: [], unchanged: [at], notes: [note] });
    expect([...lake.objects.keys()].filter((key) => key.startsWith('staging/'))).toEqual([]);
  });

  test('that is held for its refused rows says what a release would change and remove', async () => {
    const lake = await lakeOf(6);
    const rest = bars(100, at).slice(6, 90);
    await stage(lake, at, [{ ...rest[0]!, close: 11.5 }, ...rest.slice(1)], refused, true);
    const { held, holds, releasing } = await checkNight('r1', lake);
    expect(held).toEqual([at]);
    expect(holds.join('\n')).toMatch(/11 of the 100 symbols of what is served[\s\S]*6 of 90 rows were rejected/);
    expect(releasing).toEqual({ sessions: 1, changed: 1, removed: 11 });
  });

  test('at which every row was refused is held all the same', async () => {
    const lake = await lakeOf(6);
    const all = bars(100, at).map(({ symbol }) => symbol);
    await stage(lake, at, [], all, true);
    const { holds, releasing } = await checkNight('r1', lake);
    expect(holds).toEqual([`${at}: no usable row`, expect.stringContaining('100 of 100 rows were rejected')]);
    expect(releasing).toEqual({ sessions: 1, changed: 0, removed: 0 });
  });

  test('at a session that vanished, shrank or has another price basis is held, and the served one stays', async () => {
    const lake = await lakeOf(6);
    const before = lake.contents();
    await stage(lake, DATES[1]!, [], 0, true);
    await stage(lake, DATES[2]!, bars(80, DATES[2]!), 0, true);
    await stage(lake, DATES[3]!, bars(100, DATES[3]!, { open: 5, high: 6, low: 4, close: 5.5 }), 0, true);
    const checked = await checkNight('r1', lake);
    expect(checked).toMatchObject({ publish: [], unchanged: [], held: DATES.slice(1, 4) });
    expect(checked.holds.join('\n')).toMatch(
      /no usable row[\s\S]*20 of the 100 symbols of what is served[\s\S]*closes moved/,
    );
    const served = Object.entries(lake.contents()).filter(([key]) => !key.startsWith('staging/'));
    expect(Object.fromEntries(served)).toEqual(before);
  });
});

describe('splits on file', () => {
  const columns = [
    { name: 'symbol', type: 'text' as const },
    { name: 'execution_date', type: 'date' as const },
    { name: 'split_from', type: 'double' as const },
    { name: 'split_to', type: 'double' as const },
  ];
  const halved = bars(100, DATES[6]!).map((one) =>
    one.symbol === 'S042' ? { ...one, open: 5, high: 6, low: 4, close: 5.5 } : one,
  );

  test('explain a jump; without one it is reported by symbol', async () => {
    const lake = await lakeOf(6);
    await stage(lake, DATES[6]!, halved);
    expect((await checkNight('r1', lake)).notes[0]).toContain(
      'S042 11 → 5.5 looks like a 2:1 split, and no splits are',
    );
    const split = { symbol: 'S042', execution_date: DATES[6], split_from: 1, split_to: 2 };
    await lake.write(keys.snapshot('splits', DATES[6]!), encodeRows(columns, [split]));
    expect((await checkNight('r1', lake)).notes).toEqual([]);
  });

  test('that cannot be read are said, and prices are judged without them', async () => {
    const lake = await lakeOf(6);
    await stage(lake, DATES[6]!, halved);
    await lake.write(keys.snapshot('splits', DATES[6]!), Buffer.from('PAR1'));
    const { publish, notes } = await checkNight('r1', lake);
    expect(publish).toEqual([DATES[6]]);
    expect(notes[0]).toContain('jumps could not be held against splits');
  });
});
