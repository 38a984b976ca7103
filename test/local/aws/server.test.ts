import { request } from 'node:http';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { PublishCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { awsEnvironment } from '../../../src/local/aws/environment.ts';
import type { BusEvent } from '../../../src/local/aws/eventbridge.ts';
import { AwsFault } from '../../../src/local/aws/protocol.ts';
import { type AwsServer, startAwsServer } from '../../../src/local/aws/server.ts';
import type { Notification } from '../../../src/local/aws/services.ts';
import { send, sign } from './signed.ts';

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
const json = { 'content-type': 'application/json' };
let server: AwsServer;
let config: { endpoint: string; region: string; credentials: typeof credentials; maxAttempts: number };
let events: [BusEvent, string[]][];
let notes: Notification[];
let errors: [unknown, string][];

beforeEach(async () => {
  events = [];
  notes = [];
  errors = [];
  server = await startAwsServer({
    credentials: [credentials],
    secrets: { 'arn:aws:secretsmanager:us-east-1:000000000000:secret:polygon': '{"key":"k"}' },
    events: {
      rules: {
        portfolio: { source: ['afterbell'], detail: { status: [{ 'anything-but': 'Failed' }] } },
        failures: { 'detail-type': [{ prefix: 'Night' }], detail: { status: ['Failed'] } },
      },
      onEvent: (event, matched) => {
        events.push([event, matched]);
        if (event.detail.explode) throw new Error('the target is broken');
      },
    },
    onNotify: (note) => {
      if (note.message === 'refuse') throw new Error('disk full');
      notes.push(note);
    },
    describeExecution: (arn) =>
      arn === 'arn:known'
        ? {
            executionArn: arn,
            stateMachineArn: 'arn:machine',
            name: 'night-1',
            status: 'RUNNING',
            startDate: new Date('2025-11-19T21:00:00Z'),
            input: '{}',
          }
        : undefined,
    onError: (error, during) => errors.push([error, during]),
  });
  config = { endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1 };
});
afterEach(() => server.close());

test('PutEvents hands every event to its target with the rules that match', async () => {
  const entry = { Source: 'afterbell', DetailType: 'Night Completed', Time: new Date('2025-11-20T09:00:00.5Z') };
  const answer = await new EventBridgeClient(config).send(
    new PutEventsCommand({
      Entries: [
        { ...entry, Detail: '{"status":"Succeeded"}' },
        { ...entry, Detail: '{"status":"Failed"}', EventBusName: 'default', Resources: ['arn:x'] },
      ],
    }),
  );
  expect(answer.FailedEntryCount).toBe(0);
  expect(events.map(([, matched]) => matched)).toEqual([['portfolio'], ['failures']]);
  expect(events[1]?.[0]).toEqual({
    version: '0',
    id: answer.Entries?.[1]?.EventId,
    'detail-type': 'Night Completed',
    source: 'afterbell',
    account: '000000000000',
    time: '2025-11-20T09:00:00Z',
    region: 'us-east-1',
    resources: ['arn:x'],
    detail: { status: 'Failed' },
  });
});

test('a malformed entry is reported in its place and the others go out', async () => {
  const answer = await new EventBridgeClient(config).send(
    new PutEventsCommand({
      Entries: [
        { Source: 'afterbell', DetailType: 'x', Detail: 'not json' },
        { Source: 'afterbell', DetailType: 'x' },
        { Source: 'aws.s3', DetailType: 'x', Detail: '{}' },
        { Source: 'afterbell', DetailType: 'x', Detail: '{}', EventBusName: 'other' },
        { Source: 'afterbell', DetailType: 'x', Detail: '{}' },
      ],
    }),
  );
  const codes = answer.Entries?.map(({ ErrorCode }) => ErrorCode);
  expect(codes).toEqual([
    'MalformedDetail',
    'InvalidArgument',
    'NotAuthorizedForSourceException',
    'ResourceNotFoundException',
    undefined,
  ]);
  expect([answer.FailedEntryCount, events.length]).toEqual([4, 1]);
});

test('a failing target fails no PutEvents and is told', async () => {
  const entry = { Source: 'afterbell', DetailType: 'x', Detail: '{"explode":true}' };
  const answer = await new EventBridgeClient(config).send(new PutEventsCommand({ Entries: [entry] }));
  expect(answer.FailedEntryCount).toBe(0);
  expect(errors).toEqual([[new Error('the target is broken'), 'event x']]);
});

test('Publish hands the notification over and returns its id', async () => {
  const message = 'Vendor.AuthFailed <&> "é"\nsecond line';
  const answer = await new SNSClient(config).send(
    new PublishCommand({ TopicArn: 'arn:topic', Subject: 'Night failed', Message: message }),
  );
  expect(answer.MessageId).toMatch(/^[0-9a-f-]{36}$/);
  expect(notes).toEqual([{ topicArn: 'arn:topic', subject: 'Night failed', message, at: expect.stringMatching(/Z$/) }]);
});

test.each([
  [{ TopicArn: 'arn:topic', Message: 'm', Subject: 'two\nlines' }, 'InvalidParameterException'],
  [{ TopicArn: 'arn:topic', Message: 'm', Subject: 'x'.repeat(101) }, 'InvalidParameterException'],
  [{ Message: 'm' }, 'InvalidParameterException'],
  [{ TopicArn: 'arn:topic', Message: '' }, 'InvalidParameterException'],
  [{ PhoneNumber: '1', Message: 'm' }, 'InvalidParameterException'],
])('Publish of %j is refused as SNS would', async (input, name) => {
  await expect(new SNSClient(config).send(new PublishCommand(input))).rejects.toMatchObject({ name });
  expect(notes).toEqual([]);
});

test('a notification that cannot be taken is the publisher’s error', async () => {
  const publish = new PublishCommand({ TopicArn: 'arn:topic', Message: 'refuse' });
  await expect(new SNSClient(config).send(publish)).rejects.toThrow('disk full');
  expect(errors).toEqual([[new Error('disk full'), 'sns Publish']]);
});

test('DescribeExecution answers from the engine and knows no other execution', async () => {
  const client = new SFNClient(config);
  const found = await client.send(new DescribeExecutionCommand({ executionArn: 'arn:known' }));
  expect(found).toMatchObject({ status: 'RUNNING', name: 'night-1', startDate: new Date('2025-11-19T21:00:00Z') });
  await expect(client.send(new DescribeExecutionCommand({ executionArn: 'arn:other' }))).rejects.toMatchObject({
    name: 'ExecutionDoesNotExist',
    $metadata: { httpStatusCode: 400 },
  });
});

test('GetSecretValue answers from the map and knows no other secret', async () => {
  const client = new SecretsManagerClient(config);
  const SecretId = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:polygon';
  expect((await client.send(new GetSecretValueCommand({ SecretId }))).SecretString).toBe('{"key":"k"}');
  await expect(client.send(new GetSecretValueCommand({ SecretId: 'other' }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
});

test('an operation without a route is 501 and named', async () => {
  const start = new StartExecutionCommand({ stateMachineArn: 'arn:machine' });
  await expect(new SFNClient(config).send(start)).rejects.toMatchObject({
    name: 'NotImplemented',
    message: 'states: StartExecution is not available on a laptop',
    $metadata: { httpStatusCode: 501 },
  });
  const subscribe = new SubscribeCommand({ TopicArn: 'arn:topic', Protocol: 'email' });
  await expect(new SNSClient(config).send(subscribe)).rejects.toMatchObject({
    message: 'sns: Subscribe is not available on a laptop',
    $metadata: { httpStatusCode: 501 },
  });
  const put = { method: 'PUT', path: '/bucket/key', headers: json, body: 'x' };
  const other = await send(server.url, await sign(server.url, put, credentials, 's3'));
  expect([other.status, JSON.parse(other.body)]).toEqual([
    501,
    { __type: 'NotImplemented', message: 's3: PUT /bucket/key is not available on a laptop' },
  ]);
  const inherited = await sign(server.url, { method: 'GET', path: '/constructor' }, credentials);
  expect((await send(server.url, inherited)).status).toBe(501);
});

test('a service whose backing is absent is 501 too', async () => {
  const bare = await startAwsServer({ credentials: [credentials], onError: () => undefined });
  const client = new SecretsManagerClient({ ...config, endpoint: bare.url });
  await expect(client.send(new GetSecretValueCommand({ SecretId: 'x' }))).rejects.toMatchObject({
    name: 'NotImplemented',
  });
  const execute = await sign(bare.url, { path: '/Execute', headers: json }, credentials);
  expect((await send(bare.url, execute)).status).toBe(501);
  await bare.close();
});

test('an input field the service does not know is a ValidationException', async () => {
  const headers = { 'x-amz-target': 'AWSEvents.PutEvents', 'content-type': 'application/x-amz-json-1.1' };
  const misspelt = await sign(server.url, { headers, body: '{"Entries":[{"Detial":"{}"}]}' }, credentials);
  const response = await send(server.url, misspelt);
  expect([response.status, response.headers['x-amzn-errortype']]).toEqual([400, 'ValidationException']);
});

test('an unmatchable rule is refused when the server starts', async () => {
  const events = { rules: { bad: { source: [{ wildcard: '*' }] } }, onEvent: () => undefined };
  await expect(startAwsServer({ credentials: [credentials], events, onError: () => undefined })).rejects.toThrow(
    'rule bad.source',
  );
});

test('a client that goes away midway harms nobody', async () => {
  const { headers } = await sign(server.url, { path: '/Execute', headers: json }, credentials);
  await new Promise<void>((resolve) => {
    const path = `${server.url}/Execute`;
    const broken = request(path, { method: 'POST', headers: { ...headers, 'content-length': '1000' } });
    broken.on('error', () => resolve());
    broken.write('{"sql":', () => broken.destroy());
    broken.on('close', () => resolve());
  });
  const describe = new DescribeExecutionCommand({ executionArn: 'arn:known' });
  expect(await new SFNClient(config).send(describe)).toMatchObject({ name: 'night-1' });
  expect(errors).toEqual([]);
});

test('close ends at once though clients keep their connections', async () => {
  const client = new EventBridgeClient(config);
  const entry = { Source: 'afterbell', DetailType: 'x', Detail: '{}' };
  await client.send(new PutEventsCommand({ Entries: [entry] }));
  await Promise.all([server.close(), server.close()]);
  await expect(client.send(new PutEventsCommand({ Entries: [entry] }))).rejects.toMatchObject({
    code: expect.stringMatching(/^ECONN/),
  });
});

test('close answers what is under way first', async () => {
  let asked = () => {};
  const wasAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  let goOn = () => {};
  const mayGoOn = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const onNotify = () => {
    asked();
    return mayGoOn;
  };
  const slow = await startAwsServer({ credentials: [credentials], onNotify, onError: () => undefined });
  const client = new SNSClient({ ...config, endpoint: slow.url });
  const publishing = client.send(new PublishCommand({ TopicArn: 'arn:topic', Message: 'm' }));
  await wasAsked;
  const closing = slow.close();
  goOn();
  expect((await publishing).MessageId).toBeDefined();
  await closing;
});

test('a child’s environment names an endpoint for every service and no file of the user', () => {
  const environment = awsEnvironment({ aws: 'http://127.0.0.1:1', dynamodb: 'http://127.0.0.1:2', credentials });
  expect(environment).toMatchObject({
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:2',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_CONFIG_FILE: '/dev/null',
  });
});

test('events go to the one bus there is, and whoever may not is refused before anything happens', async () => {
  const heard: string[] = [];
  const own = await startAwsServer({
    credentials: [credentials, { accessKeyId: 'stranger', secretAccessKey: 'local' }],
    events: { bus: 'afterbell-dev', rules: {}, onEvent: ({ id }) => void heard.push(id) },
    authorize: ({ key }, signer) => {
      if (signer !== 'local') throw new AwsFault('AccessDeniedException', `${signer} may not ${key}`, 403);
    },
    onError: (error, during) => errors.push([error, during]),
  });
  const entry = { Source: 'afterbell', DetailType: 'Night Completed', Detail: '{}' };
  const put = (bus: string, accessKeyId = 'local') =>
    new EventBridgeClient({
      ...config,
      endpoint: own.url,
      credentials: { accessKeyId, secretAccessKey: 'local' },
    }).send(new PutEventsCommand({ Entries: [{ ...entry, EventBusName: bus }] }));
  try {
    expect(await put('afterbell-dev')).toMatchObject({ FailedEntryCount: 0 });
    expect(await put('arn:aws:events:us-east-1:000000000000:event-bus/afterbell-dev')).toMatchObject({
      FailedEntryCount: 0,
    });
    expect(await put('default')).toMatchObject({ Entries: [{ ErrorCode: 'ResourceNotFoundException' }] });
    await expect(put('afterbell-dev', 'stranger')).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: 'stranger may not AWSEvents.PutEvents',
    });
    expect(heard).toHaveLength(2);
  } finally {
    await own.close();
  }
});
