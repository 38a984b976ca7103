import { randomUUID } from 'node:crypto';
import { NamedError } from '../errors.ts';
import { keys } from './keys.ts';
import { jsonBytes, type Lake, readJson } from './lake.ts';

/** Practice data comes from a practice market, real data from a vendor; one lake holds one kind only. */
export type LakeKind = 'practice' | 'real';

interface Stamp {
  kind: LakeKind;
}

export async function lakeKind(lake: Lake): Promise<LakeKind | undefined> {
  return (await readJson<Stamp>(lake, keys.stamp))?.kind;
}

/**
 * Stamps a new lake with its kind, or checks the stamp of an old one. Call before the first write of vendor data.
 * @throws Lake.WrongKind when the lake holds the other kind; Lake.Unwritable on a case-insensitive store.
 */
export async function claimLake(lake: Lake, kind: LakeKind): Promise<void> {
  const stamped = await lakeKind(lake);
  if (stamped === undefined) {
    await refuseCaseInsensitive(lake);
    await lake.write(keys.stamp, jsonBytes({ kind } satisfies Stamp), { ifAbsent: true }).catch(async (error) => {
      // Two functions may claim a new lake at the same moment; the first one's word counts.
      if ((error as Error).name !== 'Lake.Conflict') throw error;
      await claimLake(lake, kind);
    });
    return;
  }
  if (stamped !== kind) {
    throw new NamedError('Lake.WrongKind', {
      what: `${lake.uri} holds ${stamped} data, and this is ${kind} data`,
      found: `the stamp in ${keys.stamp}`,
      wanted: 'one kind of data in one home',
      todo: 'Name another home: AFTERBELL_HOME=./other npx afterbell …',
    });
  }
}

/** KIMpL and KIMPL are two symbols; a store that folds case would merge their files silently. */
async function refuseCaseInsensitive(lake: Lake): Promise<void> {
  // In staging, because what a killed run leaves there is swept away.
  const name = `${keys.stagingOf(randomUUID())}a`;
  await lake.write(name, jsonBytes({}));
  const folded = await lake.read(name.replace(/a$/, 'A'));
  await lake.remove([name]);
  if (folded) {
    throw new NamedError('Lake.Unwritable', {
      what: `${lake.uri} lies on a case-insensitive file system`,
      found: 'a file written as …a answers to …A',
      wanted: 'a file system that tells KIMpL from KIMPL',
      todo: 'Put AFTERBELL_HOME on a case-sensitive volume.',
    });
  }
}
