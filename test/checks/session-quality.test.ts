import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeSession, type SessionEvidence } from '../../src/checks/session-quality.ts';
import { bar, bars } from './bars.ts';

const date = '2025-11-19';
const closes = (count: number, close = 11) => new Map(bars(count, date).map(({ symbol }) => [symbol, close]));

function judge(evidence: Partial<SessionEvidence>) {
  const nothing = { rejected: 0, earlierRows: [], beside: '2025-11-18', previous: new Map(), served: new Map() };
  return judgeSession({ date, bars: bars(100, date), ...nothing, ...evidence });
}

const band = (rows: number) => judge({ bars: bars(rows, date), earlierRows: [100, 100, 100, 100, 100] }).holds.length;

describe('row band', () => {
  test.each([
    [90, 0],
    [89, 1],
    [125, 0],
    [126, 1],
  ])('%i rows where 100 are usual hold %i times', (rows, holds) => expect(band(rows)).toBe(holds));

  test('a served bar that stays for a refused row is neither a row less nor vanished, and its refusal counts', () => {
    const all = { earlierRows: [100, 100, 100, 100, 100], previous: closes(100), served: closes(100) };
    const came = bars(100, date).slice(15);
    const kept = new Set(bars(15, date).map(({ symbol }) => symbol));
    expect(judge({ bars: came, ...all }).holds).toHaveLength(3);
    expect(judge({ bars: came, ...all, kept }).holds).toEqual([]);
    expect(judge({ bars: came, ...all, kept, rejected: 15 }).holds).toEqual([
      expect.stringContaining('15 of 100 rows were rejected'),
    ]);
  });

  test('four sessions are too few to say what is usual', () => {
    expect(judge({ bars: bars(10, date), earlierRows: [100, 100, 100, 100] }).holds).toEqual([]);
  });

  test('one mutilated session among the earlier ones does not move the band', () => {
    expect(judge({ earlierRows: [100, 100, 3, 100, 100] }).holds).toEqual([]);
  });

  test('a lake of fewer than 20 rows has no band', () => {
    expect(judge({ bars: bars(1, date), earlierRows: [19, 19, 19, 19, 19] }).holds).toEqual([]);
  });

  test('a session within the band stays within it as rows are added up to its upper end', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 400 }),
        fc.double({ min: 0.9, max: 1.25, noNaN: true }),
        (usual, share) => {
          const rows = Math.min(Math.max(Math.ceil(usual * share), Math.ceil(usual * 0.9)), Math.floor(usual * 1.25));
          const earlierRows = Array<number>(5).fill(usual);
          for (const count of [rows, Math.min(rows + 1, Math.floor(usual * 1.25))]) {
            expect(judge({ bars: bars(count, date), earlierRows, previous: closes(rows) }).holds).toEqual([]);
          }
        },
      ),
    );
  });
});

describe('vanished symbols', () => {
  test.each([
    ['a tenth of the session before', { previous: closes(111), bars: bars(100, date) }, 0],
    ['more than a tenth of the session before', { previous: closes(112), bars: bars(100, date) }, 1],
    ['more than a tenth of what is served', { served: closes(112) }, 1],
    ['all of fewer than twenty', { previous: closes(19), bars: [bar('OTHER', date)] }, 0],
  ])('%s', (_name, evidence, holds) => expect(judge(evidence).holds).toHaveLength(holds));

  test('as many rows of other symbols are no substitute', () => {
    const others = bars(100, date).map((one) => ({ ...one, symbol: `X${one.symbol}` }));
    expect(judge({ bars: others, earlierRows: [100, 100, 100, 100, 100], previous: closes(100) }).holds).toHaveLength(
      1,
    );
  });
});

test.each([
  [95, 5, 0],
  [94, 6, 1],
  [10, 9, 0],
])('%i good rows with %i rejected ones hold %i times', (good, rejected, holds) => {
  expect(judge({ bars: bars(good, date), rejected }).holds).toHaveLength(holds);
});

test('a session without a usable row is held by name', () => {
  expect(judge({ bars: [] }).holds).toEqual(['2025-11-19: no usable row']);
});

describe('price jumps', () => {
  const jumping = (count: number) => bars(100, date).map((one, index) => (index < count ? { ...one, close: 19 } : one));

  test('two in a hundred are notes, three hold the session', () => {
    const two = judge({ bars: jumping(2), previous: closes(100) });
    expect(two.holds).toEqual([]);
    expect(two.notes).toEqual(['2025-11-19: 2 large moves: S000 11 → 19, S001 11 → 19']);
    const three = judge({ bars: jumping(3), previous: closes(100) });
    expect(three.holds).toHaveLength(1);
    expect(three.notes).toEqual([]);
  });

  test('a move just below the limit is no jump, downwards neither', () => {
    expect(judge({ previous: closes(100, 11 / 1.399) })).toMatchObject({ holds: [], notes: [] });
    expect(judge({ previous: closes(100, 11 / 0.61) })).toMatchObject({ holds: [], notes: [] });
  });

  test('an answer on another price basis than what is served is held', () => {
    const holds = judge({ served: closes(100, 22) }).holds;
    expect(holds).toEqual([
      '2025-11-19: 100 of 100 closes moved by 40.0 % or more against what is served for this session (at most 2.0 % may)',
    ]);
  });

  test('symbols that were not there before are not compared', () => {
    expect(judge({ bars: jumping(50), previous: closes(0) })).toMatchObject({ holds: [], notes: [] });
  });

  test('more than five moves are shortened', () => {
    const many = bars(400, date).map((one, index) => (index < 7 ? { ...one, close: 99.9 } : one));
    expect(judge({ bars: many, previous: closes(400) }).notes[0]).toMatch(/^2025-11-19: 7 large moves: .*, …$/);
  });
});

describe('moves like a split', () => {
  const at = (close: number) => bars(100, date).map((one, index) => (index === 7 ? { ...one, close } : one));
  const previous = closes(100, 11);

  test('are reported by symbol when no split is on file', () => {
    const { holds, notes } = judge({ bars: at(1.12), previous, splits: new Map([['OTHER', []]]) });
    expect(holds).toEqual([]);
    expect(notes).toEqual(['2025-11-19: S007 11 → 1.12 looks like a 10:1 split, and none is on file']);
    expect(judge({ bars: at(222), previous }).notes).toEqual([
      '2025-11-19: S007 11 → 222 looks like a 1:20 split, and no splits are on file',
    ]);
  });

  test('are no jumps when the split is on file, whichever way history grows', () => {
    const split = { execution_date: date, split_from: 1, split_to: 10 };
    const splits = new Map([['S007', [split]]]);
    expect(judge({ bars: at(1.12), previous, splits }).notes).toEqual([]);
    const later = new Map([['S007', [{ ...split, execution_date: '2025-11-20' }]]]);
    expect(judge({ bars: at(112), previous, splits: later, beside: '2025-11-20' }).notes).toEqual([]);
    expect(judge({ bars: at(1.12), previous, splits: later }).notes).toHaveLength(1);
    const wrong = new Map([['S007', [{ ...split, split_to: 2 }]]]);
    expect(judge({ bars: at(1.12), previous, splits: wrong }).notes[0]).toContain('looks like a 10:1 split');
  });
});
