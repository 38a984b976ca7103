import { describe, expect, it } from 'vitest';
import { generateMarket } from '../../../src/local/market/generator.ts';
import { ask, withMarket } from './ask.ts';

const source = generateMarket({ symbols: 500, seed: 1 });

describe('/v2/assets', () => {
  it('is one array with one row for each active listing and two placeholders that are no tickers', async () => {
    await withMarket({ source }, async (market) => {
      const { json, status } = await ask(market, '/v2/assets?status=active&asset_class=us_equity');
      const rows = json as unknown as Record<string, unknown>[];
      expect(status).toBe(200);
      expect(rows).toHaveLength((await source.tickers(undefined, '2026-11-20')).filter((row) => row.active).length + 2);
      const symbols = rows.map((row) => row.symbol);
      expect(symbols).toEqual(
        expect.arrayContaining(['231992017', '292RGT016', 'AAPL', 'BRK.B', 'KIM.PRL', 'TRUE', 'ABC.WS']),
      );
      expect(new Set(symbols).size).toBe(rows.length);
      expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length);
      const untradable = rows.filter((row) => row.tradable === false).length;
      expect(untradable).toBeGreaterThan(2);
      expect(untradable).toBeLessThan(rows.length * 0.2);
      expect(rows.some((row) => !('maintenance_margin_requirement' in row))).toBe(true);
      for (const row of rows)
        expect(row).toMatchObject({
          id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/),
          class: 'us_equity',
          status: 'active',
          fractionable: expect.any(Boolean),
          attributes: expect.any(Array),
        });
    });
  });

  it('filters by status, exchange, class and attributes', async () => {
    await withMarket({ source }, async (market) => {
      const rows = async (query: string) =>
        (await ask(market, `/v2/assets?${query}`)).json as unknown as Record<string, unknown>[];
      const [all, active, inactive] = [await rows(''), await rows('status=active'), await rows('status=inactive')];
      expect(inactive.length).toBeGreaterThan(0);
      expect(inactive.every((row) => row.tradable === false)).toBe(true);
      expect(all).toHaveLength(active.length + inactive.length);
      expect((await rows('exchange=OTC')).every((row) => row.exchange === 'OTC')).toBe(true);
      expect(await rows('asset_class=crypto')).toEqual([]);
      const optionable = await rows('attributes=options_enabled,ipo');
      expect(optionable.length).toBeGreaterThan(0);
      expect(optionable.length).toBeLessThan(all.length);
      expect((await ask(market, '/v2/assets?status=gone')).status).toBe(400);
    });
  });
});
