import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { enrichmentBudget } from '../../src/checks/enrichment-outcomes.ts';
import type { Integration } from '../../src/local/states/events.ts';
import { loadMachine } from '../../src/local/states/load.ts';
import { runMachine } from '../../src/local/states/run-machine.ts';
import { placeholdersIn, renderTemplate } from '../../src/local/states/template.ts';
import { closeInput } from '../../src/night/close-input.ts';
import { nightQuantities } from '../../src/night/cost.ts';
import { enrich } from '../../src/night/enrich.ts';
import type { Runs } from '../../src/tables/runs.ts';
import { FIRST, LONG, names, openEnrichment, SESSION, vendorOf } from './enriching.ts';

const { rooms, sourceOf } = openEnrichment();
const text = readFileSync(new URL('../../state-machines/nightly.asl.json', import.meta.url), 'utf8');
const nightly = loadMachine(
  JSON.parse(renderTemplate(text, Object.fromEntries(placeholdersIn(text).map((name) => [name, name])))),
);

/** What runs of an enrichment leave behind for the next step, without a table. */
function runsInMemory(): Pick<Runs, 'progress' | 'saveProgress' | 'dropProgress' | 'saveLastSync'> {
  const progress = new Map<string, unknown>();
  return {
    progress: async <T>(dataset: string) => structuredClone(progress.get(dataset)) as T | undefined,
    saveProgress: async (dataset, saved) => void progress.set(dataset, saved),
    dropProgress: async (dataset) => void progress.delete(dataset),
    saveLastSync: async () => undefined,
  };
}

/** A whole night of the deployed machine in which only the two enrichments have anything to do. */
async function nightOf(symbols: number, minutes: number, callsPerMinute: number, refusals: string[] = []) {
  const { vendor } = vendorOf(() => 5, callsPerMinute);
  const ask = async (symbol: string) => ({ ...(await vendor.ask(symbol)), practice: false });
  const budget = enrichmentBudget({ symbols, minutes, callsPerMinute: [callsPerMinute] });
  const runs = runsInMemory();
  let calls = 0;
  let told: unknown;
  const step = async (dataset: string) => {
    const source = sourceOf(names(symbols), { callsPerMinute, ask }, { dataset, task: `sync-${dataset}`, budget });
    const stored = async (items: readonly unknown[]) => {
      calls += items.length;
      return { new: items.length, changed: 0, kept: 0 };
    };
    return enrich({ ...source, store: stored }, FIRST, { ...rooms(), runs: runs as Runs }, LONG);
  };
  const night = {
    due: true,
    runId: FIRST.runId,
    session: SESSION,
    listSession: SESSION,
    openedAt: FIRST.openedAt,
    reasons: [],
    lanes: [],
    enrich: ['metadata', 'valuations'].map((dataset) => ({ task: `sync-${dataset}`, vendors: ['fmp'] })),
    prices: { due: false, sessions: [], again: [], source: 'api', stagedBy: '', released: null, concurrency: 1 },
    jobs: { always: false, consolidate: {}, resample: {} },
  };
  const invoke: Integration = async (args) => {
    const { FunctionName } = args as { FunctionName: string };
    const answers: Record<string, () => unknown> = {
      open_night: () => night,
      sync_metadata: () => step('metadata'),
      sync_valuations: () => step('valuations'),
      close_night: () => {
        const refusal = refusals.shift();
        if (refusal !== undefined) throw Object.assign(new Error('the bus'), { name: refusal });
        const { runId } = FIRST;
        return {
          status: 'Succeeded',
          runId,
          session: SESSION,
          subject: 's',
          message: 'm',
          report: 'r',
          cause: '',
          notify: false,
        };
      },
    };
    if (FunctionName === 'close_night') told = (args as { Payload: unknown }).Payload;
    const used = { calls: 1, gbSeconds: 2, reads: 3, writes: 4 };
    return { Payload: { ...((await answers[FunctionName]?.()) ?? {}), used } };
  };
  const result = await runMachine(nightly, {
    input: {},
    execution: { arn: 'arn:e', name: 'e', startTime: FIRST.openedAt },
    stateMachine: { arn: 'arn:m', name: 'm' },
    integrations: Object.fromEntries(nightly.resources.map((resource) => [resource, invoke])),
    sleep: async () => undefined,
  });
  return { ...result, calls, told: closeInput.parse(told) };
}

test.each([
  ['the defaults', 500, 30, 25],
  ['25 calls a minute for 200 minutes', 5000, 200, 25],
])('a night that asks for company details and valuations ends within AWS’s history: %s', async (_, ...settings) => {
  const { status, cause, historyEvents, transitions, calls, told } = await nightOf(...settings);
  expect({ status, cause }).toEqual({ status: 'SUCCEEDED', cause: undefined });
  expect(calls).toBe(2 * settings[0]);
  // What the night costs is told from the same: as many transitions, and every call.
  const { transitions: counted, functionCalls, functionGbSeconds } = nightQuantities(told, [], 60);
  expect(Math.abs(counted - transitions)).toBeLessThan(0.02 * transitions);
  const steps = told.enriched.reduce((sum, { used }) => sum + used!.calls!, 0);
  expect(functionCalls).toBe(steps + 4);
  expect(functionGbSeconds).toBe(2 * (steps + 1) + 3);
  // Lists, pages of them and 250 sessions have the rest.
  expect(historyEvents).toBeLessThan(15_000);
});

test('a night whose event the bus refuses is closed again, six times', async () => {
  const refused = (times: number) => Array.from({ length: times }, () => 'Night.EventRefused');
  expect(await nightOf(1, 30, 25, refused(6))).toMatchObject({ status: 'SUCCEEDED' });
  expect(await nightOf(1, 30, 25, refused(7))).toMatchObject({
    status: 'FAILED',
    error: 'Night.Failed',
    cause: expect.stringContaining('Night.EventRefused'),
  });
});
