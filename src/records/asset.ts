import * as z from 'zod';
import { optionalFlag, optionalText, type ParsedRows, parseRows, plainText } from './record.ts';

/** Margin figures come as numbers or as text, by the age of the field. */
const optionalNumber = z
  .union([z.number(), z.string().regex(/^-?\d+(\.\d+)?$/, 'expected a number')])
  .nullish()
  .transform((parseNumber) => (parseNumber === undefined || parseNumber === null ? undefined : Number(parseNumber)));

/** A row of Alpaca's assets; every field that its reference names. */
const assetRow = z.object({
  id: plainText,
  symbol: z.string(),
  class: plainText,
  status: plainText.min(1),
  tradable: z.boolean(),
  exchange: optionalText,
  name: optionalText,
  cusip: optionalText,
  marginable: optionalFlag,
  maintenance_margin_requirement: optionalNumber,
  margin_requirement_long: optionalNumber,
  margin_requirement_short: optionalNumber,
  shortable: optionalFlag,
  // Announced to be gone from 2026-09-22 on; its successor is `borrow_status`.
  easy_to_borrow: optionalFlag,
  borrow_status: optionalText,
  fractionable: optionalFlag,
  // A set in any order; sorted, so that another order is no change.
  attributes: z
    .array(plainText)
    .max(100)
    .nullish()
    .transform((attributes) => attributes?.toSorted()),
  min_order_size: optionalNumber,
  min_trade_increment: optionalNumber,
  price_increment: optionalNumber,
});

function toAsset(row: z.output<typeof assetRow>) {
  return {
    symbol: row.symbol,
    id: row.id,
    assetClass: row.class,
    status: row.status,
    tradable: row.tradable,
    exchange: row.exchange,
    name: row.name,
    cusip: row.cusip,
    marginable: row.marginable,
    maintenanceMarginRequirement: row.maintenance_margin_requirement,
    marginRequirementLong: row.margin_requirement_long,
    marginRequirementShort: row.margin_requirement_short,
    shortable: row.shortable,
    easyToBorrow: row.easy_to_borrow,
    borrowStatus: row.borrow_status,
    fractionable: row.fractionable,
    attributes: row.attributes,
    minOrderSize: row.min_order_size,
    minTradeIncrement: row.min_trade_increment,
    priceIncrement: row.price_increment,
  };
}

/**
 * One asset as Alpaca's list has it. `id` stays while `symbol` can pass to another company; margin requirements are
 * percentages, increments US dollars or shares. Fields without a value are absent.
 */
export type Asset = ReturnType<typeof toAsset>;

/** Parses rows of `/v2/assets`; see parseRows for what is rejected. `tradable: false` is kept. */
export function parseAssets(rows: unknown[]): ParsedRows<Asset> {
  return parseRows(rows, { row: assetRow, symbolField: 'symbol', toRecord: toAsset });
}

/** Who an asset is, whatever it is called. */
export function assetIdentity({ symbol, id }: Asset) {
  return { symbol, assetId: id };
}
