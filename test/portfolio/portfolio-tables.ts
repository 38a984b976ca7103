import { type Config, loadConfig } from '../../src/config.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { importPortfolios, type ListedPortfolio } from '../../src/local/portfolio-service.ts';
import { temporaryFolder } from '../local/programs.ts';
import { type LocalTables, openLocalTables } from '../tables/local-tables.ts';

export interface PortfolioTables extends LocalTables {
  config: Config;
  lake: FileLake;
  /** What the functions get of the stores. */
  stores: { config: Config; lake: FileLake; tables: LocalTables['client'] };
}

/** The portfolio run's own tables, an empty lake, and the portfolio service's tables with these portfolios. */
export async function openPortfolioTables(portfolios: readonly ListedPortfolio[]): Promise<PortfolioTables> {
  const tables = await openLocalTables();
  const config = loadConfig({
    RUNS_TABLE: await tables.create('runs'),
    TICKERS_TABLE: await tables.create('tickers'),
    TICKER_DATA_TABLE: await tables.create('ticker-data'),
    PORTFOLIO_ANALYSES_TABLE: await tables.create('portfolio-analyses'),
    XAI_SECRET_ARN: 'arn',
    XAI_MODEL: 'grok-4.3',
  });
  const lake = new FileLake(`file://${temporaryFolder()}`);
  await importPortfolios(tables.client, config, portfolios);
  return { ...tables, config, lake, stores: { config, lake, tables: tables.client } };
}
