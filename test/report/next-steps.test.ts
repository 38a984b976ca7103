import { expect, test } from 'vitest';
import { nextSteps } from '../../src/report/next-steps.ts';
import { nightReport } from './night-report.ts';

const commands = (...args: Parameters<typeof nextSteps>) => nextSteps(...args).map(({ command }) => command);
const held = ['2026-11-24', '2026-11-25'];

test('a good night asks for nothing but a look', () => {
  const [step, ...rest] = nextSteps(nightReport({ status: 'Succeeded', datasets: [], reasons: [] }), { held });
  expect(step).toMatchObject({ why: expect.stringContaining('Nothing has to be done') });
  expect(rest).toEqual([]);
});

test('a held night is fetched again, or released by its run id', () => {
  const run = nightReport({
    status: 'Held',
    reasons: [],
    sessions: { published: [], held: ['2026-11-25'], failed: [] },
  });
  expect(commands(run, { held })).toEqual([
    'npx afterbell night --session 2026-11-25',
    'npx afterbell release night-1',
  ]);
});

test('a partial night names the task of every dataset that is not done', () => {
  expect(commands(nightReport(), { held })).toEqual([
    'npx afterbell status --failed',
    'npx afterbell run sync-tickers',
  ]);
});

test('a refused key is fixed before anything is run again', () => {
  const steps = nextSteps(
    nightReport({ status: 'Failed', reasons: ['prices: Vendor.AuthFailed: POLYGON_API_KEY was refused'] }),
    { held },
  );
  expect(steps[0]!.why).toContain('refused its key');
  expect(steps[1]!.command).toBe('npx afterbell night --session 2026-11-25');
});

test('a damaged lake is verified first', () => {
  const run = nightReport({ status: 'Failed', reasons: ['consolidate: Lake.Corrupt: x is damaged'] });
  expect(commands(run, { held })[0]).toBe('npx afterbell verify');
});

test('sessions missing between held ones are backfilled', () => {
  const run = nightReport({ status: 'Succeeded', datasets: [], reasons: [] });
  expect(commands(run, { held: ['2026-11-20', '2026-11-25'] })).toEqual([
    'npx afterbell backfill --from 2026-11-23 --to 2026-11-24',
  ]);
});
