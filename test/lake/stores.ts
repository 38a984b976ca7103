import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { S3Client } from '@aws-sdk/client-s3';
import { startLoopbackS3 } from '../../scripts/bench/loopback-s3.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { type Lake, listAll } from '../../src/lake/lake.ts';
import { openS3Client, S3Lake } from '../../src/lake/s3-lake.ts';

export interface Store {
  /** A new, empty lake. */
  lake(): Lake;
  /** A new lake with the objects of another one of this store. */
  copy(lake: Lake): Lake;
  close(): Promise<void>;
}

export function s3Client(endpoint: string): S3Client {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  return openS3Client({ endpoint, region: 'us-east-1', credentials, forcePathStyle: true });
}

/** The two adapters, each as a maker of new lakes. */
export const STORES: Record<string, () => Promise<Store>> = {
  file: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stores-'));
    let made = 0;
    const next = () => pathToFileURL(join(folder, String(++made))).href;
    return {
      lake: () => new FileLake(next()),
      copy: ({ uri }) => {
        const to = next();
        cpSync(fileURLToPath(uri), fileURLToPath(to), { recursive: true });
        return new FileLake(to);
      },
      close: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
  S3: async () => {
    const s3 = await startLoopbackS3();
    const client = s3Client(s3.url);
    let made = 0;
    const next = () => new S3Lake(`s3://bucket/lake-${++made}`, client);
    return {
      lake: next,
      copy: ({ uri }) => {
        const lake = next();
        const [from, to] = [uri, lake.uri].map((name) => `${name.replace('s3:/', '')}/`) as [string, string];
        for (const [path, stored] of [...s3.objects]) {
          if (path.startsWith(from)) s3.objects.set(to + path.slice(from.length), stored);
        }
        return lake;
      },
      close: async () => {
        client.destroy();
        await s3.close();
      },
    };
  },
};

/** Key → digest of everything below the prefixes. */
export async function contentsOf(lake: Lake, ...prefixes: string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const prefix of prefixes) {
    for (const { key } of await listAll(lake, prefix)) {
      const bytes = await lake.read(key);
      found[key] = createHash('sha256')
        .update(bytes ?? '')
        .digest('hex')
        .slice(0, 16);
    }
  }
  return found;
}
