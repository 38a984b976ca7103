import { expect, test } from 'vitest';
import { withKilled } from '../../../src/cli/ended-runs.ts';
import { withheldReason } from '../../../src/cli/status/withheld-runs.ts';

const row = (run_id: string, session: string, status: string, started_at: string) => ({
  run_id,
  session,
  status,
  started_at,
  kind: 'night',
});
const before = row('night-2026-11-19-20261120T090000-aaaa', '2026-11-19', 'Succeeded', '2026-11-20 09:00:00');
const KILLED = 'night-2026-11-20-20261121T090000-bbbb';

test('a night that was killed before it came into the ledger is listed as the newest, without a verdict', () => {
  const nights = withKilled([before], [KILLED]);
  expect(nights[1]).toEqual(before);
  expect(nights[0]).toMatchObject({
    run_id: KILLED,
    session: '2026-11-20',
    kind: 'night',
    status: 'Interrupted',
    started_at: '2026-11-21 09:00:00',
  });
});

test('a killed night is listed once, and not when its session is done or it was none', () => {
  const known = row(KILLED, '2026-11-20', 'Interrupted', '2026-11-21 09:00:00');
  expect(withKilled([known, before], [KILLED])).toEqual([known, before]);
  expect(withKilled([{ ...known, run_id: 'another', status: 'Succeeded' }], [KILLED])).toHaveLength(1);
  expect(withKilled([before], ['portfolio-2026-11-20-20261121T090000-cccc', 'night-cut'])).toEqual([before]);
});

test('why prices are withheld is what their own dataset says, whatever other reasons begin with', () => {
  const reasons = ['prices: of splits nobody knows: Vendor.Unavailable', 'prices: 2026-11-20: 31 rows, usually 62'];
  const datasets = [
    { task: 'sync-splits', reasons: ['x'] },
    { task: 'prices', reasons: ['2026-11-20: 31 rows, usually 62'] },
  ];
  const of = (summary: object) =>
    withheldReason({ reasons: JSON.stringify(reasons), summary: JSON.stringify(summary) });
  expect(of({ datasets })).toBe('2026-11-20: 31 rows, usually 62');
  expect(of({})).toBe(reasons[0]);
});
