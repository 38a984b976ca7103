import { expect, test } from 'vitest';
import { sessionsBetween } from '../../src/calendar/sessions.ts';
import { encodeBars } from '../../src/lake/bars.ts';
import { keys } from '../../src/lake/keys.ts';
import { checkNight } from '../../src/night/check-night.ts';
import { writeNote } from '../../src/night/staging.ts';
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

async function stage(lake: MemoryLake, date: string, rows: Bar[], rejected = 0) {
  await lake.write(keys.staged('r1', date), encodeBars(rows));
  const note = {
    date,
    rows: rows.length,
    rejected,
    source: 'test',
    kind: 'practice' as const,
    runId: 'r1',
    ingestedAt: `${date}T23:00:00.000Z`,
  };
  await writeNote(lake, 'r1', note);
}

test('a night like the ones before is published', async () => {
  const lake = await lakeOf(6);
  await stage(lake, DATES[6]!, bars(101, DATES[6]!));
  expect(await checkNight('r1', lake)).toEqual({ publish: [DATES[6]], held: [], holds: [], notes: [] });
});

test('half a session is held, and released passes all the same', async () => {
  const lake = await lakeOf(6);
  await stage(lake, DATES[6]!, bars(50, DATES[6]!));
  const checked = await checkNight('r1', lake);
  expect(checked).toMatchObject({ publish: [], held: [DATES[6]] });
  expect(checked.holds[0]).toBe(`${DATES[6]}: 50 rows, usual are 100 (band 90 to 125 from the last 6 sessions)`);
  expect(await checkNight('r1', lake, true)).toMatchObject({ publish: [DATES[6]], held: [], holds: [] });
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
  expect(await checkNight('r1', lake)).toEqual({ publish: [], held: [], holds: [], notes: [] });
});

test('of many reasons twenty are named', async () => {
  const lake = new MemoryLake();
  const all = sessionsBetween('2025-01-02', '2025-03-31').slice(0, 25);
  for (const date of all) await stage(lake, date, []);
  const checked = await checkNight('r1', lake);
  expect(checked.held).toHaveLength(25);
  expect(checked.holds).toHaveLength(20);
});
