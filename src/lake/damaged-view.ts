import type { DuckDBConnection } from '@duckdb/node-api';
import { corruptFile } from './columnar/read.ts';
import { fileList } from './exact-paths.ts';

/**
 * What a failed statement says of the lake: `Lake.Corrupt` naming the file that ended it, or the error itself where no
 * file is to blame. DuckDB names a file that is cut, but none that is damaged within: then each is read to its end.
 * @param files keys by the paths DuckDB was given
 */
export async function blameFile(
  error: Error,
  files: ReadonlyMap<string, string>,
  connection: DuckDBConnection,
): Promise<Error> {
  const said = error.message.split('\n')[0]!;
  if (/^(IO|Invalid Input) Error: /.test(said)) {
    const named = [...files].find(([path]) => said.includes(path));
    return named ? corruptFile(named[1], said.replace(named[0], named[1]), error) : error;
  }
  if (!said.startsWith('Invalid Error: ')) return error;
  for (const [path, key] of files) {
    try {
      // A count alone is answered from the footer; a hash needs every value.
      await connection.run(`SELECT max(hash(rows)) FROM ${parquetOf([path])} AS rows`);
    } catch {
      return corruptFile(key, said, error);
    }
  }
  return error;
}

/** The table function over these paths, whose folder names mean nothing: `symbol=NULL` is a symbol. */
export function parquetOf(paths: readonly string[]): string {
  return `read_parquet(${fileList(paths)}, hive_partitioning = false)`;
}
