import { BatchGetCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** What one BatchGetItem takes. */
const AT_ONCE = 100;
/** More than this are not a question about single symbols any more. */
const MOST = 2000;

/** Of these symbols those marked inactive in a reference table → the day (YYYY-MM-DD) they were; of 2,000 at most. */
export async function goneSince(
  client: DynamoDBDocumentClient,
  table: string,
  symbols: readonly string[],
): Promise<Map<string, string>> {
  const gone = new Map<string, string>();
  let left = symbols.slice(0, MOST);
  while (left.length > 0) {
    const asked = left.slice(0, AT_ONCE).map((symbol) => ({ symbol }));
    const request = {
      Keys: asked,
      ProjectionExpression: '#symbol, #status, inactiveSince',
      ExpressionAttributeNames: { '#symbol': 'symbol', '#status': 'status' },
    };
    const answer = await client.send(new BatchGetCommand({ RequestItems: { [table]: request } }));
    for (const item of answer.Responses?.[table] ?? []) {
      if (item.status === 'inactive') gone.set(String(item.symbol), String(item.inactiveSince ?? '').slice(0, 10));
    }
    // What the table was too busy for is asked again with the next ones.
    const unread = (answer.UnprocessedKeys?.[table]?.Keys ?? []).map(({ symbol }) => String(symbol));
    left = [...left.slice(AT_ONCE), ...unread];
  }
  return gone;
}
