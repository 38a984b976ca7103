import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { openPglite } from './pglite.ts';
import type { SqlBackend } from './sql-backend.ts';

/**
 * The database behind the Data API: PostgreSQL at DATABASE_URL, or the embedded one. Opened by the first statement,
 * so that a run with nothing to do never pays for it.
 */
export function warehouseBackend(config: Config, folder: string, cluster: string): SqlBackend {
  const url = config.DATABASE_URL;
  let opened: Promise<SqlBackend> | undefined;
  const open = () => {
    opened ??= url ? overNetwork(url) : openPglite(join(folder, 'pgdata'), cluster);
    return opened;
  };
  return {
    query: async (text, values) => (await open()).query(text, values),
    close: async () => (await opened?.catch(() => undefined))?.close(),
  };
}

/** Its driver is loaded by those only who have a server of their own. */
async function overNetwork(url: string): Promise<SqlBackend> {
  const { openPostgres } = await import('./postgres.ts');
  return openPostgres(url);
}
