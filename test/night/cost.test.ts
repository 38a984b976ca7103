import { expect, test } from 'vitest';
import { costOf, nightQuantities } from '../../src/night/cost.ts';
import { costText } from '../../src/records/run.ts';
import { headOf } from '../../src/report/sections.ts';
import { summaryOf } from '../../src/warehouse/ledger.ts';
import { nightReport } from '../report/night-report.ts';
import { closing, ended } from './closing.ts';

const QUANTITIES = {
  transitions: 150,
  functionCalls: 33,
  functionGbSeconds: 62,
  jobVcpuSeconds: 480,
  s3Reads: 6200,
  s3Writes: 5600,
  acuSeconds: 2700,
};

test('a night is priced by the list: every part is its quantity times its price', () => {
  const { usd, parts } = costOf(QUANTITIES, true);
  expect(parts).toEqual({
    stepFunctions: 0.00375,
    lambda: 0.000833,
    // 240 s of 2 vCPU, 4 GB and one address.
    fargate: 0.0056,
    s3: 0.03048,
    auroraEstimated: 0.09,
  });
  expect(usd).toBeCloseTo(0.130663, 5);
});

test('paid and hypothetical costs are worded differently, with the region and what is estimated', () => {
  expect(costText(costOf(QUANTITIES, true))).toBe(
    "Cost about $0.13 at us-east-1 list prices; the warehouse's share is estimated.",
  );
  expect(costText(costOf({ ...QUANTITIES, acuSeconds: 0 }, false))).toMatch(/^Would cost about \$0\.041 at/);
});

test('calls, requests and seconds of all parts are added up, retries and jobs among them', () => {
  const used = { calls: 2, gbSeconds: 10, reads: 5, writes: 7 };
  const lane = ended('sync-tickers');
  const reference = [{ ...lane, results: lane.results.map((result) => ({ ...result, used })) }];
  const outcome = closing({ reference });
  const before = nightQuantities(closing({ reference: [lane] }), [], 600);
  const jobs = [{ runId: 'night-1', status: 'success', seconds: 40, requests: { reads: 100, writes: 200 } }];
  const { functionCalls, functionGbSeconds, s3Reads, s3Writes, jobVcpuSeconds, acuSeconds } = nightQuantities(
    outcome,
    jobs,
    600,
  );
  expect(functionCalls - before.functionCalls).toBe(2);
  expect(functionGbSeconds - before.functionGbSeconds).toBe(10);
  expect([s3Reads - before.s3Reads, s3Writes - before.s3Writes]).toEqual([105, 207]);
  expect([jobVcpuSeconds, acuSeconds]).toEqual([200, 1500]);
});

test('report and ledger have it; a night of an earlier version says nothing of it', () => {
  const cost = costOf(QUANTITIES, true);
  expect(headOf(nightReport({ cost })).text).toContain('Cost about $0.13 at us-east-1 list prices');
  expect(JSON.parse(summaryOf(nightReport({ cost }))).cost).toEqual(cost);
  expect(headOf(nightReport()).text).not.toContain('ost about');
});
