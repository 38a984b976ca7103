import { existsSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { MIB, readFileAtMost } from '../body.ts';
import type { Stage } from '../deployed/stage.ts';
import { NamedError } from '../errors.ts';
import { PORTFOLIO_COPY, startTables } from '../local/aws/dynamodb.ts';
import { clientOptions } from '../local/aws/environment.ts';
import { randomCredentials } from '../local/aws/signature.ts';
import type { Endpoint } from '../local/home.ts';
import {
  importPortfolios,
  type ListedPortfolio,
  listPortfolios,
  readPortfolioList,
  storePortfolios,
  writePortfolioList,
} from '../local/portfolio-service.ts';
import { Analyses, type StoredAnalysis } from '../portfolio/analyses.ts';
import { missingTables, readBook } from '../portfolio/holdings.ts';
import { openTables } from '../tables/runs.ts';
import { counted } from '../text.ts';
import { type Context, whereOf } from './context.ts';
import { onLaptop, readDatabase } from './pipeline.ts';
import { table } from './terminal.ts';

export interface PortfoliosOptions {
  import?: string;
  export?: string;
}

interface Row {
  portfolio: string;
  positions: number;
  lastAnalysis: Pick<StoredAnalysis, 'dataAsOf' | 'timestamp' | 'model' | 'practice' | 'costUsd'> | null;
}

/** Lists every portfolio with its last analysis; `--import` first puts a file's portfolios into tables of our own. */
export async function portfolios(options: PortfoliosOptions, context: Context): Promise<number> {
  if (options.import !== undefined) await importFile(options.import, context);
  if (options.export !== undefined) await exportFile(options.export, context);
  const rows = await withTables(context, (client) => rowsOf(client, context));
  show(rows ?? [], context);
  return 0;
}

async function importFile(path: string, context: Context): Promise<void> {
  const list = readPortfolioList(await textOf(path), parse(path).name);
  if (context.stage) await importAtStage(context.stage, list);
  else
    await onLaptop(context, {}, async ({ stores, home }) => {
      await importPortfolios(stores.tables, stores.config, list);
      // The tables have nothing to be rebuilt from.
      await writePortfolioList(join(home.path, PORTFOLIO_COPY), await listPortfolios(stores.tables, stores.config));
    });
  for (const { portfolio, positions } of list) {
    context.terminal.note(`imported ${portfolio}: ${counted(positions.length, 'position')}`);
  }
}

/** Another service's tables are only ever read. */
async function importAtStage({ stage, config, stores }: Stage, list: readonly ListedPortfolio[]): Promise<void> {
  const own = `afterbell-${stage}-user-portfolios`;
  if (config.USER_PORTFOLIOS_TABLE !== own) {
    throw new NamedError('Usage.Invalid', {
      what: `the portfolios of ${stage} are another service's, which nobody else writes`,
      found: `USER_PORTFOLIOS_TABLE ${config.USER_PORTFOLIOS_TABLE}`,
      wanted: own,
      todo: `Change them there, or take both table names out of settings in terraform/environments/${stage}.tfvars and deploy.`,
    });
  }
  if (!(await readBook(stores.tables, config))) throw missingTables(config);
  await storePortfolios(stores.tables, config, list);
}

async function exportFile(path: string, context: Context): Promise<void> {
  const list = await withTables(context, (client) => listPortfolios(client, context.config));
  if (!list?.length) {
    throw new NamedError('Usage.Invalid', {
      what: 'there is no portfolio to export',
      found: `none in ${whereOf(context)}`,
      todo: `${path} was not written.`,
    });
  }
  await writePortfolioList(path, list);
  context.terminal.note(`exported ${counted(list.length, 'portfolio')} to ${path}`);
}

/** Thousands of portfolios with hundreds of positions each. */
const LARGEST_LIST = 16 * MIB;

/** It may be a pipe whose writer takes its time; a signal is heard meanwhile. */
async function textOf(path: string): Promise<string> {
  return readFileAtMost(path, LARGEST_LIST).then(String, (cause: Error) => {
    throw new NamedError('Usage.Invalid', { what: `${path} cannot be read`, found: cause.message }, { cause });
  });
}

async function rowsOf(client: DynamoDBDocumentClient, { config }: Context): Promise<Row[] | undefined> {
  const book = await readBook(client, config);
  if (!book) return undefined;
  const analyses = new Analyses(client, config);
  const count = (name: string) => book.holdings.filter(({ portfolio }) => portfolio === name).length;
  return Promise.all(
    book.portfolios.map(async ({ portfolio }) => {
      const last = await analyses.last(portfolio);
      return { portfolio, positions: count(portfolio), lastAnalysis: last ? brief(last) : null };
    }),
  );
}

function brief({ dataAsOf, timestamp, model, practice, costUsd }: StoredAnalysis): Row['lastAnalysis'] {
  return { dataAsOf, timestamp, model, practice, costUsd };
}

/** The tables for a reader; undefined when the home has none yet. */
async function withTables<T>(
  context: Context,
  work: (client: DynamoDBDocumentClient) => Promise<T>,
): Promise<T | undefined> {
  if (context.stage) return work(context.stage.stores.tables);
  const path = join(resolve(context.config.AFTERBELL_HOME), 'tables');
  if (!existsSync(path)) return undefined;
  const credentials = randomCredentials();
  const open = async () => ({ ...(await startTables({ path, credentials })), credentials });
  return readDatabase(context, { endpoint: 'dynamodb', open }, (database) => work(clientOf(database)));
}

function clientOf({ url, credentials }: Endpoint): DynamoDBDocumentClient {
  return openTables(new DynamoDBClient(clientOptions(url, credentials)));
}

function show(rows: readonly Row[], { terminal, config }: Context): void {
  if (terminal.json) terminal.print(JSON.stringify(rows));
  else if (rows.length === 0) {
    terminal.print(`No portfolios in ${config.USER_PORTFOLIOS_TABLE}.`);
    terminal.print('Put some there with: npx afterbell portfolios --import FILE');
  } else {
    const cells = rows.map(({ portfolio, positions, lastAnalysis }) => [
      portfolio,
      positions,
      lastAnalysis?.dataAsOf ?? 'never',
      lastAnalysis ? `${lastAnalysis.model}${lastAnalysis.practice ? ' (practice)' : ''}` : '',
    ]);
    terminal.print(table(['portfolio', 'positions', 'last analysis', 'model'], cells));
  }
}
