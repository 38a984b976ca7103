import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundled, bundledText, cluster, temporaryFolder } from './programs.ts';

test('a process whose home, servers, functions and jobs are closed ends by itself', async () => {
  const program = await bundledText(
    'everything',
    `import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
    import { ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data';
    import { openPglite } from '/src/local/aws/pglite.ts';
    import { startAwsServer } from '/src/local/aws/server.ts';
    import { startTables } from '/src/local/aws/dynamodb.ts';
    import { randomCredentials } from '/src/local/aws/signature.ts';
    import { clientOptions } from '/src/local/aws/environment.ts';
    import { startFunctions } from '/src/local/functions.ts';
    import { openHome } from '/src/local/home.ts';
    import { startJobs } from '/src/local/jobs.ts';
    const [path, cluster, worker, jobProcess, bundle] = process.argv.slice(2) as [string, string, string, string, string];
    const home = await openHome(path, { mode: 'write' });
    const sql = await openPglite(home.folders.warehouse + '/pgdata', cluster);
    const credentials = randomCredentials();
    const tables = await startTables({ path: home.folders.tables, credentials });
    const aws = await startAwsServer({ credentials: [credentials], sql, onError: console.error });
    await home.setEndpoints({ aws: aws.url, dynamodb: tables.url }, credentials);
    const functions = startFunctions({ bundles: { f: bundle }, worker, env: {}, logFile: home.folders.logs + '/functions.jsonl' });
    const jobs = startJobs({ definitions: { j: { program: bundle } }, jobProcess, env: {}, logFile: home.folders.logs + '/jobs.jsonl' });
    const ids = { resourceArn: 'cluster', secretArn: 'secret' };
    await new RDSDataClient(clientOptions(aws.url, credentials)).send(new ExecuteStatementCommand({ ...ids, sql: 'select 1' }));
    await new DynamoDBClient(clientOptions(tables.url, credentials)).send(new ListTablesCommand({}));
    const answer = await functions.invoke('f', null, { timeoutSeconds: 60 });
    const job = await jobs.submitJob({ JobName: 'j', JobDefinition: 'j', JobQueue: 'q' });
    process.send!([answer, job.Status]);
    await functions.close();
    await jobs.close();
    await aws.close();
    await tables.close();
    await sql.close();
    await home.close();
    process.disconnect();`,
  );
  const bundle = join(temporaryFolder(), 'bundle.mjs');
  writeFileSync(bundle, 'export const handler = async () => "ok";');
  const path = join(temporaryFolder(), 'home');
  const programs = [cluster, await bundled('function-worker'), await bundled('job-process')];
  const child = fork(program, [path, ...programs, bundle]);
  const exited = once(child, 'exit');
  expect((await once(child, 'message'))[0]).toEqual(['ok', 'SUCCEEDED']);
  expect(await exited).toEqual([0, null]);
});
