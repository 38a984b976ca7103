import { type Lake, listAll, readJson } from '../lake/lake.ts';
import type { HeldReport } from '../night/held-list.ts';
import type { Terminal } from './terminal.ts';

export type HeldSummary = Pick<HeldReport, 'dataset' | 'runId' | 'session' | 'heldAt' | 'reasons' | 'counts'> & {
  /** Lake key of the whole difference. */
  diff: string;
};

/** Lists that went over their change budget and wait for somebody to look, oldest first. */
export async function readHeldLists(lake: Lake): Promise<HeldSummary[]> {
  const held: HeldSummary[] = [];
  for (const { key } of await listAll(lake, 'reports/')) {
    if (!/\/held-[^/]+\.json$/.test(key)) continue;
    const report = await readJson<HeldReport>(lake, key);
    if (report?.state !== 'held') continue;
    const { dataset, runId, session, heldAt, reasons, counts } = report;
    held.push({ dataset, runId, session, heldAt, reasons, counts, diff: key });
  }
  return held;
}

export function printHeldLists(held: readonly HeldSummary[], lake: string, { print }: Pick<Terminal, 'print'>): void {
  if (held.length === 0) return;
  print('\nHeld back:');
  for (const { dataset, session, runId, reasons, counts, diff } of held) {
    const { added, changed, vanished } = counts;
    print(
      `- ${dataset} of ${session}: ${vanished} would vanish, ${added} be added, ${changed} change: ${lake}/${diff}`,
    );
    for (const reason of reasons) print(`  ${reason}`);
    print(`  Look, then publish: npx afterbell release ${runId}`);
  }
}
