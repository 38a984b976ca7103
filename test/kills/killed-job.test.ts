import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openWorkshop, type Workshop } from './nights.ts';

let shop: Workshop;
beforeAll(async () => {
  shop = await openWorkshop();
});
afterAll(() => shop?.close());

it('what a killed job has spilled lies in the data directory, and the next command removes it', async () => {
  const home = shop.folder();
  const at = '2025-11-19T09:00:00Z';
  const spilled = () => readdirSync(join(home, 'scratch'));
  const killed = await shop.run(home, ['night'], {
    at,
    kill: { phase: 'after', write: 'rename lake/silver/*', nth: 1 },
  });
  expect(killed.signal).toBe('SIGKILL');
  expect(spilled()).toEqual([expect.stringMatching(/^resample-/)]);
  const again = await shop.run(home, ['night'], { at });
  expect(again.code, again.output).toBe(0);
  expect(spilled()).toEqual([]);
});
