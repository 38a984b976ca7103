import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { logGroupOf, readStageLog } from '../../src/deployed/log-events.ts';

const client = mockClient(CloudWatchLogsClient);
// Stubs of a class stay for the files that share the process.
afterAll(() => {
  client.restore();
});
beforeEach(() => void client.reset());
const read = async () => {
  const lines: string[] = [];
  for await (const { message } of readStageLog(client as never, { group: 'g', since: 5 })) lines.push(message);
  return lines;
};

test('functions have a group each, jobs share one', () => {
  expect(logGroupOf('dev', 'sync-tickers', false)).toEqual({ group: '/aws/lambda/afterbell-dev-sync-tickers' });
  expect(logGroupOf('dev', 'resampler', true)).toEqual({
    group: '/aws/batch/afterbell-dev',
    streamPrefix: 'resampler',
  });
});

test('every page is read, an empty one in the middle too', async () => {
  client
    .on(FilterLogEventsCommand)
    .resolvesOnce({ events: [{ timestamp: 6, message: 'a\n', eventId: '1' }], nextToken: 'x' })
    .resolvesOnce({ events: [], nextToken: 'y' })
    .resolvesOnce({ events: [{ timestamp: 7, message: 'b', eventId: '2' }] });
  expect(await read()).toEqual(['a', 'b']);
  expect(client.commandCalls(FilterLogEventsCommand).map(({ args }) => args[0].input.nextToken)).toEqual([
    undefined,
    'x',
    'y',
  ]);
});

test('a function that was never called has logged nothing', async () => {
  client
    .on(FilterLogEventsCommand)
    .rejects(Object.assign(new Error('no group'), { name: 'ResourceNotFoundException' }));
  expect(await read()).toEqual([]);
});
