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

test('words of a reason lead to no step, only the error it names does', () => {
  const text = 'sync-tickers: Vendor.Unavailable: the proxy answered "Vendor.AuthFailed or Lake.Corrupt"';
  const reported = (error: string) => nightReport({ reasons: [text], reasonDetails: [{ dataset: 'tickers', error }] });
  expect(commands(reported('Vendor.Unavailable'), { held })).toEqual([
    'npx afterbell status --failed',
    'npx afterbell run sync-tickers',
  ]);
  expect(commands(nightReport({ reasons: [text] }), { held })).toHaveLength(2);
  expect(commands(reported('Lake.Corrupt'), { held })[0]).toBe('npx afterbell verify');
});

test('a report of an earlier version names the error in the first words of its reasons', () => {
  const run = nightReport({ reasons: ['prices: 2026-11-25: Vendor.AuthFailed: POLYGON_API_KEY was refused'] });
  expect(nextSteps(run, { held })[0]!.why).toContain('refused its key');
});
