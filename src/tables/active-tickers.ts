import { type DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';

/** A listing that the last complete sync saw; `type` is Polygon's, and often missing. */
export interface ActiveTicker {
  symbol: string;
  market?: string;
  type?: string;
}

/** Every active listing of the reference table, by symbol in code-unit order. */
export async function readActiveTickers(client: DynamoDBDocumentClient, table: string): Promise<ActiveTicker[]> {
  const found: ActiveTicker[] = [];
  const pages = paginateScan(
    { client },
    {
      TableName: table,
      ProjectionExpression: 'symbol, #market, #type',
      FilterExpression: '#status = :active',
      ExpressionAttributeNames: { '#market': 'market', '#type': 'type', '#status': 'status' },
      ExpressionAttributeValues: { ':active': 'active' },
    },
  );
  for await (const page of pages) found.push(...((page.Items ?? []) as ActiveTicker[]));
  return found.sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
}
