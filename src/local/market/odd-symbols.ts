import type { MarketKind } from './market-source.ts';

export interface NamedSymbol {
  ticker: string;
  name: string;
  type: string;
  exchange?: string;
  market: MarketKind;
}

function listed(ticker: string, name: string, type: string, exchange: string): NamedSymbol {
  return { ticker, name, type, exchange, market: 'stocks' };
}

/**
 * Symbols every generated market has, always listed: words that parsers take for booleans, numbers, nulls or device
 * names, class shares, lower-case preferreds and warrants (vendor-apis 6e), and three that everybody knows.
 */
export const ODD_SYMBOLS: readonly NamedSymbol[] = [
  listed('AAPL', 'Apple Inc.', 'CS', 'XNAS'),
  listed('MSFT', 'Microsoft Corp', 'CS', 'XNAS'),
  listed('SPY', 'SPDR S&P 500 ETF Trust', 'ETF', 'ARCX'),
  listed('TRUE', 'TrueCar, Inc.', 'CS', 'XNAS'),
  listed('NAN', 'Nuveen New York Quality Municipal Income Fund', 'FUND', 'XNYS'),
  listed('ON', 'ON Semiconductor Corporation', 'CS', 'XNAS'),
  listed('E', 'Eni S.p.A.', 'ADRC', 'XNYS'),
  listed('T', 'AT&T Inc.', 'CS', 'XNYS'),
  listed('F', 'Ford Motor Company', 'CS', 'XNYS'),
  listed('ALL', 'Allstate Corporation', 'CS', 'XNYS'),
  listed('CON', 'Concentra Group Holdings Parent, Inc.', 'CS', 'XNYS'),
  listed('NA', 'Nano Labs Ltd', 'CS', 'XNAS'),
  listed('INF', 'Brookfield Global Listed Infrastructure Income Fund', 'FUND', 'XNYS'),
  listed('BRK.A', 'Berkshire Hathaway Inc. Class A', 'CS', 'XNYS'),
  listed('BRK.B', 'Berkshire Hathaway Inc. Class B', 'CS', 'XNYS'),
  listed('KIMpL', 'Kimco Realty Corporation Preferred Series L', 'PFD', 'XNYS'),
  listed('BACpL', 'Bank of America Corporation Preferred Series L', 'PFD', 'XNYS'),
  listed('BAC-I', 'Bank of America Corporation Series I', 'PFD', 'XNYS'),
  listed('ABC', 'Practice Acquisition Corp', 'CS', 'XNYS'),
  listed('ABC.WS', 'Practice Acquisition Corp Warrants', 'WARRANT', 'XNYS'),
];
