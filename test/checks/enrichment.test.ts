import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { enrichmentBudget, judgeEnrichment, planEnrichment, type Tally } from '../../src/checks/enrichment-outcomes.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2025-11-20T09:00:00Z');
const plan = (universe: string[], attempts: Record<string, [ending: string, hoursAgo: number]>, refreshHours = 20) => {
  const known = Object.entries(attempts).map(
    ([symbol, [ending, ago]]) => [symbol, { ending, at: NOW - ago * HOUR }] as const,
  );
  return planEnrichment(universe, new Map(known), { now: NOW, refreshHours });
};

describe('whom a night asks for', () => {
  test('symbols never asked for come first, then those asked for longest ago', () => {
    expect(plan(['C', 'B', 'A', 'N', 'M'], { A: ['ok', 30], B: ['ok', 50], C: ['ok', 20] })).toEqual([
      'N',
      'M',
      'B',
      'A',
      'C',
    ]);
  });

  test('one asked for lately is left alone, longer when it had no value', () => {
    expect(plan(['A', 'B'], { A: ['ok', 19.9], B: ['ok', 20] })).toEqual(['B']);
    const none = {
      E: ['empty', 100],
      U: ['unknown', 169],
      O: ['outside', 700],
      P: ['outside', 721],
      F: ['failed', 21],
    };
    expect(plan(Object.keys(none), none as never)).toEqual(['P', 'U', 'F']);
  });

  test('a symbol named twice is asked for once, one that left the universe not at all', () => {
    expect(plan(['A', 'A'], { GONE: ['ok', 900] })).toEqual(['A']);
  });

  test('night after night every symbol is asked for once before any is asked for twice', () => {
    const endings = fc.constantFrom('ok', 'empty', 'unknown', 'refused', 'outside', 'invalid', 'failed');
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.infiniteStream(endings),
        fc.integer({ min: 1, max: 400 }),
        (universe, budget, ends, refreshHours) => {
          const attempts = new Map<string, { ending: string; at: number }>();
          const times = new Map<string, number>();
          for (let night = 0; night < 60; night += 1) {
            const now = NOW + night * 24 * HOUR;
            for (const symbol of planEnrichment(universe, attempts, { now, refreshHours }).slice(0, budget)) {
              times.set(symbol, (times.get(symbol) ?? 0) + 1);
              attempts.set(symbol, { ending: ends.next().value, at: now });
            }
            const most = Math.max(...times.values());
            if (most > 1) expect(times.size).toBe(universe.length);
            expect(times.size).toBe(Math.min(universe.length, budget * (night + 1)));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test.each([
    [{ symbols: 500, minutes: 30, callsPerMinute: [0, 0] }, 500],
    [{ symbols: 500, minutes: 30, callsPerMinute: [5, 300] }, 150],
    [{ symbols: 500, minutes: 1, callsPerMinute: [300] }, 300],
    [{ symbols: 500, minutes: 30, callsPerMinute: [] }, 500],
  ])('%o allow %i symbols', (limits, symbols) => {
    expect(enrichmentBudget(limits)).toBe(symbols);
  });
});

describe('the verdict', () => {
  const no = (error: string) => ({ error, text: `${error}: no` });
  const judge = (tally: Partial<Tally>) =>
    judgeEnrichment('valuations', { endings: {}, kept: 0, left: 0, down: {}, ...tally });

  test.each<[string, Partial<Tally>, string]>([
    ['nothing was due', { down: { polygon: no('Vendor.AuthFailed') } }, 'success'],
    [
      'values and symbols nobody knows',
      { endings: { ok: 5, empty: 90, unknown: 3, outside: 400, refused: 1 } },
      'success',
    ],
    ['a row that cannot be taken', { endings: { ok: 5, invalid: 1 }, first: 'A: dcf' }, 'partial'],
    [
      'a vendor given up beside one that answers',
      { endings: { ok: 5 }, down: { fmp: no('Vendor.AuthFailed') } },
      'partial',
    ],
    [
      'a vendor given up in the middle',
      { endings: { ok: 5 }, left: 3, down: { fmp: no('Vendor.RateLimited') } },
      'partial',
    ],
    ['a vendor given up at once', { left: 3, down: { fmp: no('Vendor.AuthFailed') } }, 'failed'],
    [
      'no answer to anything',
      { endings: { failed: 3 }, down: { fmp: no('Vendor.Unavailable') }, first: 'A' },
      'failed',
    ],
    ['an endpoint the plan lacks', { endings: { ok: 5 }, down: { fmp: no('Vendor.EndpointOutOfPlan') } }, 'success'],
    [
      'a vendor told to be down in words that begin like the name of an error',
      { endings: { ok: 5 }, down: { fmp: { text: 'Vendor.EndpointOutOfPlan is what it said' } } },
      'partial',
    ],
    ['the only endpoint the plan lacks', { left: 5, down: { fmp: no('Vendor.EndpointOutOfPlan') } }, 'failed'],
    ['a few rows without a value this time', { endings: { ok: 91, empty: 9 }, kept: 9 }, 'success'],
    ['many rows without a value this time', { endings: { ok: 80, empty: 20 }, kept: 20 }, 'partial'],
    ['no value at all where there were some', { endings: { empty: 30 }, kept: 30 }, 'partial'],
  ])('%s', (_name, tally, status) => {
    const verdict = judge(tally);
    expect(verdict.status).toBe(status);
    expect(verdict.reasons.length > 0).toBe(status !== 'success');
  });
});
