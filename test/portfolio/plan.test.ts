import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type PortfolioRunInput, planPortfolios } from '../../src/portfolio/portfolio-run.ts';
import type { Holding } from '../../src/records/holding.ts';

const at = { runId: 'r', session: '2025-11-19', timestamp: '2025-11-19T21:00:00Z' };
const held = (portfolio: string, ...symbols: string[]): Holding[] =>
  symbols.map((symbol) => ({ portfolio, symbol, quantity: 1 }));

function plan(
  names: readonly string[],
  holdings: readonly Holding[],
  more: {
    input?: Partial<PortfolioRunInput>;
    analysed?: string[];
    known?: [string, string][];
    after?: string;
    hasKey?: boolean;
  } = {},
) {
  return planPortfolios({
    ...at,
    input: { force: false, ...more.input },
    book: {
      portfolios: names.map((portfolio) => ({ portfolio, active: portfolio !== 'asleep' })),
      holdings: [...holdings],
      rejected: [],
    },
    known: new Map(more.known ?? holdings.map(({ symbol }) => [symbol, 'active'])),
    analysed: new Set(more.analysed),
    after: more.after ?? null,
    hasKey: more.hasKey ?? true,
  });
}

test('a portfolio analysed as of the session is left alone unless it is forced', () => {
  const holdings = [...held('a', 'AAPL'), ...held('b', 'AAPL', 'T')];
  expect(plan(['a', 'b'], holdings, { analysed: ['a'] })).toMatchObject({
    portfolios: ['b'],
    unchanged: 1,
    tickers: 2,
  });
  const forced = plan(['a', 'b'], holdings, { analysed: ['a'], input: { force: true } });
  expect(forced).toMatchObject({ portfolios: ['a', 'b'], unchanged: 0 });
  expect(plan(['a', 'b'], holdings, { input: { portfolio: 'b' } })).toMatchObject({ portfolios: ['b'], only: 'b' });
  expect(() => plan(['a'], holdings, { input: { portfolio: 'z' } })).toThrow(
    expect.objectContaining({ name: 'Usage.Invalid' }),
  );
});

test('unknown, delisted, stray and empty ones are notes; sleeping portfolios are not there', () => {
  const holdings = [...held('a', 'AAPL', 'NOSUCH', 'GONE'), ...held('ghost', 'T'), ...held('asleep', 'F')];
  const known: [string, string][] = [
    ['AAPL', 'active'],
    ['GONE', 'inactive'],
  ];
  const planned = plan(['a', 'asleep', 'empty'], holdings, { known });
  expect(planned).toMatchObject({ due: true, portfolios: ['a'], tickers: 3 });
  expect(planned.notes).toEqual([
    'not in the reference list: NOSUCH',
    'delisted: GONE',
    'without positions: empty',
    'positions of an unknown portfolio: ghost',
  ]);
});

test('without a key tickers are computed and nothing is asked; without positions nothing is due', () => {
  const planned = plan(['a'], held('a', 'AAPL'), { hasKey: false });
  expect(planned).toMatchObject({ due: true, portfolios: [], next: null, analysisSkipped: 'XAI_API_KEY is not set' });
  expect(plan(['a'], [])).toMatchObject({ due: false, reasons: ['no portfolio holds anything'], chunks: [] });
});

test('the ranges of tickers cover every held ticker exactly once', () => {
  const symbols = fc.uniqueArray(fc.stringMatching(/^[A-Za-z.]{1,5}$/), { minLength: 1, maxLength: 2200 });
  fc.assert(
    fc.property(symbols, (tickers) => {
      const { chunks } = plan(['a'], held('a', ...tickers));
      expect(chunks.length).toBe(Math.ceil(tickers.length / 500));
      for (const ticker of tickers) {
        const takers = chunks.filter(({ from, to }) => ticker >= from && (to === null || ticker < to));
        expect(takers).toHaveLength(1);
      }
    }),
    { numRuns: 20 },
  );
});

test('1,000 portfolios come in pages that fit into a state, each portfolio once, tickers with the first', () => {
  const names = Array.from({ length: 1000 }, (_, i) => `portfolio-${'x'.repeat(100)}-${i}`);
  const holdings = names.flatMap((name) => held(name, 'AAPL'));
  const seen: string[] = [];
  let after: string | null = null;
  for (let page = 0; page === 0 || after !== null; page++) {
    const planned = plan(names, holdings, after === null ? {} : { after });
    expect(JSON.stringify(planned).length).toBeLessThan(32 * 1024);
    expect(planned.chunks).toHaveLength(page === 0 ? 1 : 0);
    seen.push(...planned.portfolios);
    after = planned.next;
  }
  expect(seen.toSorted()).toEqual(names.toSorted());
});
