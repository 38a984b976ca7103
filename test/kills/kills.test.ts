import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIRST_NIGHT, NIGHT, SILVER } from './kill-points.ts';
import { type KillPoint, openWorkshop, type Run, type Workshop } from './nights.ts';
import { disturbReferences, type Inspection, inspect } from './stored.ts';

/** The night under test, after its session closed; the home was left the week before. */
const AT = '2025-11-19T09:00:00Z';
const SESSION = '2025-11-18';

let shop: Workshop;
let prepared: string;
/** What undisturbed nights of the same beginnings leave. */
const kept: Partial<Record<'night' | 'first', Inspection>> = {};
let undisturbed: Run;

beforeAll(async () => {
  shop = openWorkshop();
  prepared = shop.folder();
  await night(prepared, '2025-11-13T09:00:00Z');
  await disturbReferences(prepared, shop.product);
  const home = copyOf(prepared);
  undisturbed = await night(home);
  kept.night = await inspect(home, shop.product);
  const first = shop.folder();
  await night(first);
  kept.first = await inspect(first, shop.product);
});

afterAll(() => shop?.close());

describe('an undisturbed night', () => {
  it('is clean, and so is the first of a data directory, which killed ones are measured by', () => {
    for (const inspection of Object.values(kept)) {
      expect(inspection.problems).toEqual([]);
      expect(inspection.leftovers).toEqual([]);
    }
    expect(kept.night!.events).toContain(`${SESSION} Succeeded`);
  });

  it('adds, changes and marks as gone', () => {
    expect(undisturbed.writes.filter((write) => write === 'UpdateItem tickers')).toHaveLength(3);
  });
});

it('a night that is killed again and again, ever later, ends as an undisturbed one', () =>
  survives(copyOf(prepared), NIGHT, 'night'));

it('so does the first night of a data directory', () => survives(shop.folder(), FIRST_NIGHT, 'first'));

async function night(home: string, at = AT): Promise<Run> {
  const run = await shop.run(home, ['night'], { at });
  if (run.code !== 0) throw new Error(run.output);
  return run;
}

async function survives(home: string, kills: readonly KillPoint[], reference: keyof typeof kept): Promise<void> {
  for (const kill of kills) {
    const { signal, output } = await shop.run(home, ['night'], { at: AT, kill });
    expect(signal, `no kill ${nameOf(kill)}\n${output}`).toBe('SIGKILL');
    // What a killed job has spilled lies in the data directory, where the next command removes it.
    if (kill.write === SILVER)
      expect(readdirSync(join(home, 'scratch'))).toEqual([expect.stringMatching(/^resample-/)]);
  }
  await night(home);
  const found = await inspect(home, shop.product);
  expect(found.stored).toEqual(kept[reference]!.stored);
  expect(found.leftovers).toEqual([]);
  expect(found.problems).toEqual([]);
  expect(found.events).toEqual(kept[reference]!.events);
  const nights = found.nights.filter(({ session }) => session === SESSION);
  expect(nights.at(-1)?.status).toBe('Succeeded');
  for (const { status, reasons } of nights) {
    if (status !== 'Succeeded')
      expect({ status, reasons }).toEqual({
        status: 'Interrupted',
        reasons: expect.stringMatching(/its process ended before it did/),
      });
  }
}

function copyOf(home: string): string {
  const copy = shop.folder();
  cpSync(home, copy, { recursive: true });
  return copy;
}

function nameOf({ phase, write = 'write', nth }: KillPoint): string {
  return `${phase === 'torn' ? 'midway through' : phase} ${write} no. ${nth}`;
}
