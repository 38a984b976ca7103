import { closureReason, sessionsBetween } from '../../calendar/sessions.ts';
import { heldSessions, type Ingest, usableIngest } from '../../lake/ingest.ts';
import { dateOfKey, keys } from '../../lake/keys.ts';
import { type Lake, listAll } from '../../lake/lake.ts';
import { checksumOf } from '../../lake/session-file.ts';
import { figure } from '../terminal.ts';
import { type Check, refetch, SHOWN } from './check.ts';

/** Sessions by their ingest manifests; undefined where the manifest itself is damaged. */
export type Ingests = ReadonlyMap<string, Ingest | undefined>;

export async function readIngests(lake: Lake): Promise<Ingests> {
  const found = new Map<string, Ingest | undefined>();
  for (const { date } of await heldSessions(lake)) found.set(date, await usableIngest(lake, date));
  return found;
}

/** Every session file against its ingest manifest, byte for byte. */
export async function checkSessions(lake: Lake, ingests: Ingests): Promise<Check> {
  const problems: string[] = [];
  const dates: string[] = [];
  const fault = (date: string, text: string) => {
    problems.push(`${date}: ${text}`);
    dates.push(date);
  };
  let rows = 0;
  for (const [date, ingest] of ingests) {
    const bytes = await lake.read(keys.session(date));
    if (!ingest) fault(date, 'the ingest manifest is damaged');
    else if (!bytes) fault(date, 'the session file is missing');
    else if (checksumOf(bytes) !== ingest.checksum) {
      fault(date, 'the session file is not the one that was published');
    } else rows += ingest.rows;
  }
  const files = (await listAll(lake, 'bronze/sessions/date=')).map(({ key }) => dateOfKey(key) ?? key);
  for (const date of files) if (!ingests.has(date)) fault(date, 'a session file without an ingest manifest');
  const counted = `${figure(ingests.size)} sessions, ${figure(rows)} rows`;
  return { name: 'sessions', counted, problems, repairs: dates.map(refetch), notes: [] };
}

export function checkCalendar(ingests: Ingests): Check {
  const dates = [...ingests.keys()];
  const problems = dates.flatMap((date) => {
    const closed = closureReason(date);
    return closed === undefined ? [] : [`${date} is held but was no session: ${closed}`];
  });
  const [first, last] = [dates[0], dates.at(-1)];
  const missing = first && last ? sessionsBetween(first, last).filter((date) => !ingests.has(date)) : [];
  const named = missing.slice(0, SHOWN).join(', ');
  const notes = missing.length > 0 ? [`${missing.length} sessions between are not held: ${named}`] : [];
  return { name: 'calendar', counted: first ? `${first} to ${last}` : 'nothing held', problems, repairs: [], notes };
}
