import { type DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import { parseHoldings } from '../records/holding.ts';

/** Symbols with an open position in the portfolio service's table, sorted; none where there is no such table. */
export async function readHeldSymbols(client: DynamoDBDocumentClient, table: string): Promise<string[]> {
  const items: unknown[] = [];
  try {
    for await (const page of paginateScan({ client }, { TableName: table })) items.push(...(page.Items ?? []));
  } catch (error) {
    if ((error as Error).name === 'ResourceNotFoundException') return [];
    throw error;
  }
  const open = parseHoldings(items).records.filter(({ quantity }) => quantity !== 0);
  return [...new Set(open.map(({ symbol }) => symbol))].sort();
}
