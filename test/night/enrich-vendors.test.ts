import { describe, expect, test } from 'vitest';
import type { EnrichmentSource } from '../../src/datasets/dataset.ts';
import { NamedError } from '../../src/errors.ts';
import type { Valuation } from '../../src/records/valuation.ts';
import { FIRST, names, openEnrichment, SESSION, vendorOf } from './enriching.ts';

const { rooms: stores, query, sourceOf, enrichAll } = openEnrichment();

describe('two vendors', () => {
  const merge = (symbol: string, parts: Readonly<Record<string, unknown>>): Valuation => {
    const [a, b] = [parts.a, parts.b] as (Valuation | undefined)[];
    return {
      symbol,
      date: SESSION,
      dcf: a?.dcf ?? 0,
      stockPrice: b?.dcf ?? null,
      source: Object.keys(parts).join('+'),
    };
  };
  const both = (a: ReturnType<typeof vendorOf>, b: ReturnType<typeof vendorOf>) =>
    sourceOf(names(3), a.vendor, { vendors: { a: a.vendor, b: b.vendor }, merge });
  const sources = async () => {
    const rows = await query('SELECT source FROM dcf_valuations ORDER BY symbol');
    return rows.map(({ source }) => source);
  };

  test('are asked side by side, and what one does not know the other may', async () => {
    const [a, b] = [vendorOf((symbol) => (symbol === 'S0001' ? 'empty' : 1)), vendorOf(() => 2)];
    const { page } = await enrichAll(both(a, b));
    expect(page).toMatchObject({ status: 'success', rows: 3, rejected: 0 });
    expect(await sources()).toEqual(['a+b', 'b', 'a+b']);
  });

  test('when one refuses its key the other goes on, and that is said', async () => {
    const refused = new NamedError('Vendor.AuthFailed', 'refused');
    const [a, b] = [vendorOf(() => refused), vendorOf(() => 2)];
    const { page } = await enrichAll(both(a, b));
    expect(page).toMatchObject({ status: 'partial', rows: 3, reasons: ['a: Vendor.AuthFailed: refused'] });
    expect(await sources()).toEqual(['b', 'b', 'b']);
  });

  test('when one was found down before, it is not asked at all', async () => {
    const [a, b] = [vendorOf(() => 1), vendorOf(() => 2)];
    const { page } = await enrichAll(both(a, b), { ...FIRST, vendorDown: { a: 'refused its key' } } as never);
    expect(a.asked).toEqual([]);
    expect(page).toMatchObject({ status: 'partial', rows: 3, reasons: ['a: refused its key'] });
  });

  test('when both were found down before, the dataset is skipped with the reason', async () => {
    const [a, b] = [vendorOf(() => 1), vendorOf(() => 2)];
    const { page } = await enrichAll(both(a, b), { ...FIRST, vendorDown: { a: 'x', b: 'y' } } as never);
    expect(page).toMatchObject({
      status: 'skipped',
      rows: 0,
      reasons: ['a is not asked again tonight: x; b is not asked again tonight: y'],
    });
    expect(await stores().runs.lastSync('valuations')).toBeUndefined();
  });
});

describe('a bulk answer', () => {
  const all = (symbols: readonly string[], settles: boolean, error?: NamedError) => {
    const parts: number[] = [];
    const bulk: EnrichmentSource<Valuation>['bulk'] = {
      vendor: 'fmp',
      from: 3,
      isComplete: settles,
      part: async (number) => {
        parts.push(number);
        if (error) throw error;
        const items = symbols.map((symbol) => ({
          record: { symbol, date: SESSION, dcf: 9, stockPrice: null, source: 'bulk' },
          attempt: settles ? { symbol, ending: 'ok', reason: null, answer: null } : undefined,
        }));
        return { items, symbols: [...symbols], practice: true, last: true };
      },
    };
    return { parts, bulk };
  };

  test('answers for everybody at once, beyond the budget', async () => {
    const { asked, vendor } = vendorOf(() => 5);
    const { parts, bulk } = all(names(10), true);
    const { page } = await enrichAll(sourceOf(names(10), vendor, { bulk, budget: 4 }));
    expect([parts, asked]).toEqual([[0], []]);
    expect(page).toMatchObject({ status: 'success', rows: 10, new: 10 });
  });

  test('is not asked for when few symbols are due', async () => {
    const { asked, vendor } = vendorOf(() => 5);
    const { parts, bulk } = all(names(2), true);
    await enrichAll(sourceOf(names(2), vendor, { bulk }));
    expect([parts, asked.length]).toEqual([[], 2]);
  });

  test('that the plan lacks gives way to single symbols without a word', async () => {
    const { asked, vendor } = vendorOf(() => 5);
    const { parts, bulk } = all([], true, new NamedError('Vendor.EndpointOutOfPlan', 'Restricted Endpoint'));
    const { page } = await enrichAll(sourceOf(names(10), vendor, { bulk }));
    expect([parts, asked.length]).toEqual([[0], 10]);
    expect(page).toMatchObject({ status: 'success', reasons: [] });
  });

  test('that fails again and again gives way too, after three tries', async () => {
    const { asked, vendor } = vendorOf(() => 5);
    const { parts, bulk } = all([], true, new NamedError('Vendor.TruncatedBody', 'cut'));
    const { page, waits } = await enrichAll(sourceOf(names(10), vendor, { bulk }));
    expect([parts, asked.length, waits]).toEqual([[0, 0, 0], 10, [30, 60]]);
    expect(page).toMatchObject({ status: 'success', rows: 10 });
  });

  test('of one vendor leaves the other to be asked symbol by symbol', async () => {
    const [fmp, other] = [vendorOf(() => 5), vendorOf(() => 6)];
    const { bulk } = all(names(10), false);
    const merge = (symbol: string): Valuation => ({ symbol, date: SESSION, dcf: 1, stockPrice: null, source: 'other' });
    const vendors = { fmp: fmp.vendor, other: other.vendor };
    const { page } = await enrichAll(sourceOf(names(10), fmp.vendor, { bulk, vendors, merge, budget: 4 }));
    expect([fmp.asked.length, other.asked.length]).toEqual([0, 4]);
    expect(page).toMatchObject({ status: 'success', rows: 14, new: 10, changed: 4 });
  });
});
