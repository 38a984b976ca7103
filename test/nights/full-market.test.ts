import { expect, test } from 'vitest';
import { readIngest } from '../../src/lake/session-files.ts';
import { storePrices } from '../../src/warehouse/prices.ts';
import { bar } from '../checks/bars.ts';
import { afterbell } from './command.ts';
import { HELD, MORNING, openScene, THAT_MORNING } from './scene.ts';

const SYMBOLS = 12_000;
const OLD = '2015-11-18';

test('a night enriches on where 12,000 symbols were asked for before', async () => {
  const scene = await openScene({ env: { VALUATION_UNIVERSE: 'AAPL,MSFT,T' } });
  const { warehouse } = scene.laptop.stores;
  for (const dataset of ['metadata', 'valuations']) {
    await warehouse.query(
      `INSERT INTO enrichment_attempts (dataset, symbol, attempted_at, ending)
       SELECT :dataset, 'S' || n, '2025-11-01', 'ok' FROM generate_series(1, ${SYMBOLS}) AS n`,
      { dataset },
    );
  }
  const night = await scene.run(MORNING);
  expect(night.outcome.reasons).toEqual([]);
  const statusOf = (name: string) => night.outcome.datasets.find((set) => set.name === name)?.status;
  expect([statusOf('metadata'), statusOf('valuations')]).toEqual(['success', 'success']);
});

test('a month’s maintenance moves a session of 12,000 symbols into the lake', async () => {
  const scene = await openScene();
  const { lake, warehouse } = scene.laptop.stores;
  const bars = Array.from({ length: SYMBOLS }, (_, index) => bar(`S${index}`, OLD));
  await storePrices(warehouse, OLD, bars);
  const result = await scene.laptop.run({}, { machine: 'maintenance', name: 'maintenance' });
  expect(result).toMatchObject({
    status: 'SUCCEEDED',
    output: { sessions: 1, deleted: SYMBOLS, savedToLake: SYMBOLS },
  });
  expect(await readIngest(lake, OLD)).toMatchObject({ rows: SYMBOLS });
});

test('status, report and verify read a ledger whose nights each name 500 symbols at length', async () => {
  const scene = await openScene();
  const { warehouse } = scene.laptop.stores;
  const failed = Array.from({ length: 500 }, (_, index) => ({
    symbol: `S${index}`,
    reason: `${index} ${'x'.repeat(400)}`,
  }));
  const reasons = failed.map(({ symbol, reason }) => `consolidate: ${symbol}: ${reason}`);
  const set = { name: 'history', task: 'consolidate', status: 'failed', rows: 0, new: 0, changed: 0, revised: 0 };
  const summary = { datasets: [{ ...set, rejected: 0, pages: 0, seconds: 1, reasons, failed }], sessions: {} };
  await warehouse.query(
    `INSERT INTO nights (run_id, session, kind, status, execution_arn, started_at, completed_at, reasons, summary)
     SELECT 'night-' || n, :session::date, 'night', 'Failed', '', '2025-11-20'::timestamp + n * INTERVAL '1 minute',
            '2025-11-20 00:30', :reasons::jsonb, :summary::jsonb
     FROM generate_series(1, 12) AS n`,
    { session: HELD.last, reasons: JSON.stringify(reasons), summary: JSON.stringify(summary) },
  );
  await warehouse.query(
    `INSERT INTO sync_logs (task_name, status, error_message, completed_at, metadata)
     SELECT 'consolidate', 'failed', :error, CURRENT_TIMESTAMP - n * INTERVAL '1 minute',
            jsonb_build_object('session', :session::text, 'failed', :failed::jsonb)
     FROM generate_series(1, 12) AS n`,
    { error: reasons.join('; '), session: HELD.last, failed: JSON.stringify(failed) },
  );
  await scene.close();
  const env = { AFTERBELL_HOME: scene.home, ...THAT_MORNING };

  const status = await afterbell(['status', '--json'], env);
  expect(status.stderr).toBe('');
  const told = JSON.parse(status.stdout) as Record<'nights' | 'recent' | 'failed', { run_id: string }[]>;
  expect(told.nights.find(({ run_id }) => run_id === 'night-12')).toMatchObject({ reasons, summary });
  expect([told.nights.length, told.recent.length, told.failed.length]).toEqual([10, 10, 12]);

  const report = await afterbell(['report', '--session', HELD.last, '--json'], env);
  expect(report.stderr).toBe('');
  expect(JSON.parse(report.stdout)).toMatchObject({ session: HELD.last });
  expect((await afterbell(['report', '--run', 'night-3'], env)).code).toBe(0);
  const verified = await afterbell(['verify', '--json'], env);
  expect(verified.stderr).toBe('');
  expect(JSON.parse(verified.stdout)).toMatchObject({ checks: expect.any(Array) });

  const large = await afterbell(['query', '--warehouse', 'SELECT * FROM nights'], env);
  expect(large).toMatchObject({ code: 2, stderr: expect.stringContaining('Ask for fewer rows (WHERE, LIMIT)') });
});
