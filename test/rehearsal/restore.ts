import {
  DeleteItemCommand,
  DeleteTableCommand,
  DynamoDBClient,
  PutItemCommand,
  RestoreTableToPointInTimeCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import type { Stage } from '../../src/deployed/stage.ts';
import { keys } from '../../src/lake/lake.ts';
import { HANGS_MS } from '../limits.ts';
import type { Cloud } from './cloud.ts';

interface Open {
  cloud: Cloud;
  dev: Stage;
  /** Whether `verify --stage dev` finds nothing wrong. */
  clean(): Promise<boolean>;
}

const LOST = keys.session('2025-11-19');
const DAMAGED = keys.symbol('AAPL');

/** Registers the drill of the runbook's "Restore a stage", as far as the emulator has what it takes: Aurora has no past here. */
export function registerRestoreDrill(open: () => Open | undefined): void {
  test(
    'a lost and a damaged file come back from the versions of the lake, and a lost row from the past of its table',
    async ({ skip }) => {
      const opened = open();
      if (!opened) return skip();
      const { cloud, dev, clean } = opened;
      const s3 = new S3Client({ ...cloud.operator, forcePathStyle: true });
      const Bucket = new URL(dev.config.LAKE_URI!).hostname;
      await s3.send(new DeleteObjectCommand({ Bucket, Key: LOST }));
      await s3.send(new PutObjectCommand({ Bucket, Key: DAMAGED, Body: 'not Parquet' }));
      expect(await clean()).toBe(false);
      const versionsOf = (Prefix: string) => s3.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
      const marker = (await versionsOf(LOST)).DeleteMarkers!.find(({ IsLatest }) => IsLatest)!;
      await s3.send(new DeleteObjectCommand({ Bucket, Key: LOST, VersionId: marker.VersionId! }));
      const good = (await versionsOf(DAMAGED)).Versions!.find(({ IsLatest }) => !IsLatest)!;
      const CopySource = `${Bucket}/${DAMAGED}?versionId=${good.VersionId}`;
      await s3.send(new CopyObjectCommand({ Bucket, Key: DAMAGED, CopySource }));
      expect(await clean()).toBe(true);

      const tables = new DynamoDBClient(cloud.operator);
      const TableName = dev.config.ASSETS_TABLE;
      const restored = `${TableName}-restored`;
      const before = (await tables.send(new ScanCommand({ TableName }))).Items!;
      const time = { UseLatestRestorableTime: true };
      const from = { SourceTableName: TableName, TargetTableName: restored };
      await tables.send(new RestoreTableToPointInTimeCommand({ ...from, ...time }));
      await tables.send(new DeleteItemCommand({ TableName, Key: { symbol: before[0]!.symbol! } }));
      const past = (await tables.send(new ScanCommand({ TableName: restored }))).Items!;
      const now = (await tables.send(new ScanCommand({ TableName }))).Items!;
      const have = new Set(now.map(({ symbol }) => symbol!.S));
      const missing = past.filter(({ symbol }) => !have.has(symbol!.S));
      expect(missing).toHaveLength(1);
      for (const Item of missing) await tables.send(new PutItemCommand({ TableName, Item }));
      await tables.send(new DeleteTableCommand({ TableName: restored }));
      const after = (await tables.send(new ScanCommand({ TableName }))).Items!;
      const sorted = (items: typeof after) =>
        items.map((item) => JSON.stringify(item, Object.keys(item).sort())).sort();
      expect(sorted(after)).toEqual(sorted(before));
    },
    HANGS_MS,
  );
}
