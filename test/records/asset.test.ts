import { describe, expect, test } from 'vitest';
import { parseAssets } from '../../src/records/asset.ts';

const full = {
  id: '904837e3-3b76-47ec-b432-046db621571b',
  class: 'us_equity',
  exchange: 'NASDAQ',
  symbol: 'AAPL',
  name: 'Apple Inc. Common Stock',
  status: 'active',
  tradable: true,
  marginable: true,
  maintenance_margin_requirement: 30,
  margin_requirement_long: '30',
  margin_requirement_short: '30.5',
  shortable: true,
  easy_to_borrow: true,
  borrow_status: 'easy_to_borrow',
  fractionable: true,
  attributes: ['options_enabled', 'has_options'],
};

describe('assets', () => {
  test('every known field is kept, figures as numbers, attributes in order', () => {
    expect(parseAssets([full]).records).toEqual([
      {
        symbol: 'AAPL',
        id: '904837e3-3b76-47ec-b432-046db621571b',
        assetClass: 'us_equity',
        status: 'active',
        tradable: true,
        exchange: 'NASDAQ',
        name: 'Apple Inc. Common Stock',
        marginable: true,
        maintenanceMarginRequirement: 30,
        marginRequirementLong: 30,
        marginRequirementShort: 30.5,
        shortable: true,
        easyToBorrow: true,
        borrowStatus: 'easy_to_borrow',
        fractionable: true,
        attributes: ['has_options', 'options_enabled'],
      },
    ]);
  });

  test('an untradable asset with few fields is kept', () => {
    const { id, symbol, class: assetClass, status } = full;
    const { records } = parseAssets([{ id, symbol, class: assetClass, status, tradable: false }]);
    expect(records).toStrictEqual([{ symbol: 'AAPL', id, assetClass: 'us_equity', status: 'active', tradable: false }]);
  });

  test('a placeholder of digits is rejected, a right with digits in it is kept', () => {
    const { records, rejected } = parseAssets([
      { ...full, symbol: '231992017' },
      { ...full, symbol: '292RGT016' },
    ]);
    expect(records.map(({ symbol }) => symbol)).toEqual(['292RGT016']);
    expect(rejected.map(({ reason }) => reason)).toEqual(['symbol is all digits']);
  });

  test.each([
    [{ tradable: 'true' }, 'tradable: expected boolean, received string'],
    [{ id: undefined }, 'id: expected string, received undefined'],
    [{ attributes: 'options' }, 'attributes: expected array, received string'],
  ])('%j is rejected: %s', (change, reason) => {
    expect(parseAssets([{ ...full, ...change }]).rejected[0]?.reason).toBe(reason);
  });

  test('a margin figure that is no number is rejected by its field', () => {
    expect(parseAssets([{ ...full, margin_requirement_long: 'high' }]).rejected[0]?.reason).toMatch(
      /^margin_requirement_long: /,
    );
  });

  test('an unknown field is named', () => {
    expect(parseAssets([{ ...full, lendable: true }]).unknownFields).toEqual(['lendable']);
  });
});
