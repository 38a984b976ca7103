import type { DuckDBConnection } from '@duckdb/node-api';
import { lastClosedSession, sessionsBetween } from '../calendar/sessions.ts';
import { heldSessions } from './ingest.ts';
import type { Lake } from './lake.ts';

/**
 * `calendar` (date, held): every session from the first one held to the last one closed; `missing_sessions` (date):
 * those of them the lake does not hold. Returns the names.
 */
export async function addCalendar(connection: DuckDBConnection, lake: Lake): Promise<string[]> {
  const held = (await heldSessions(lake)).map(({ date }) => date);
  const last = [lastClosedSession(new Date()), held.at(-1) ?? ''].sort()[1]!;
  const sessions = held[0] === undefined ? [] : sessionsBetween(held[0], last);
  const rows = (dates: readonly string[]) => `SELECT unnest([${dates.map((date) => `'${date}'`).join(', ')}]::DATE[])`;
  await connection.run(
    `CREATE TABLE calendar AS SELECT date, date IN (${rows(held)}) AS held FROM (${rows(sessions)} AS date)`,
  );
  await connection.run('CREATE VIEW missing_sessions AS SELECT date FROM calendar WHERE NOT held ORDER BY date');
  return ['calendar', 'missing_sessions'];
}
