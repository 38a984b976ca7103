import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { afterbell } from './command.ts';
import { lakeFiles, warmHome } from './scene.ts';

const DATE = '2025-11-06';

/** Writes a file of the original layout as another Parquet writer would. */
async function writeOriginal(path: string, symbol: string, codec: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (
    SELECT '${symbol}' AS symbol, 10.0::DOUBLE AS open, 12.0::DOUBLE AS high, 9.0::DOUBLE AS low, 11.0::DOUBLE AS close,
           1000::BIGINT AS volume, TIMESTAMP '${DATE} 00:00:00' AS timestamp, '1d' AS interval
  ) TO '${path}' (FORMAT parquet, COMPRESSION ${codec})`);
  connection.closeSync();
  instance.closeSync();
}

test('an adopted lake waits for its owner’s word on its prices, and is read whatever its files are packed with', async () => {
  const home = await warmHome();
  const codecs = ['uncompressed', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4', 'lz4_raw'];
  const symbols = codecs.map((codec) => `OLD.${codec.replace('_', '').toUpperCase()}`).sort();
  for (const codec of codecs) {
    const symbol = `OLD.${codec.replace('_', '').toUpperCase()}`;
    await writeOriginal(join(home, 'lake', keys.symbolDate(symbol, DATE)), symbol, codec);
  }
  const env = { AFTERBELL_HOME: home, ADOPTED_PRICES: 'unadjusted' };
  const before = lakeFiles(home);
  for (const ADOPTED_PRICES of ['', 'adjusted']) {
    const refused = await afterbell(['run', 'consolidate'], { ...env, ADOPTED_PRICES });
    expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining('wanted ADOPTED_PRICES=unadjusted')]);
    expect(lakeFiles(home)).toEqual(before);
  }
  const ran = await afterbell(['run', 'consolidate', '--json'], env);
  expect(ran.code, ran.stdout).toBe(0);
  const asked = await afterbell(
    ['query', `SELECT symbol, close, volume FROM bars WHERE date = '${DATE}' ORDER BY symbol`, '--json'],
    env,
  );
  expect(JSON.parse(asked.stdout)).toEqual(symbols.map((symbol) => ({ symbol, close: 11, volume: 1000 })));
});
