import { keys } from '../lake/keys.ts';
import type { Lake } from '../lake/lake.ts';

export interface StagedRejects {
  /** As they go to quarantine. */
  lines: string[];
  /** Without the rows whose symbol cannot be read. */
  symbols: ReadonlySet<string>;
}

/** The refused rows of a staged session. */
export async function readRejects(lake: Lake, runId: string, date: string): Promise<StagedRejects> {
  const bytes = await lake.read(keys.stagedRejects(runId, date));
  const lines = bytes ? Buffer.from(bytes).toString('utf8').split('\n').filter(Boolean) : [];
  const symbols = lines.map((line) => (JSON.parse(line) as { symbol: string }).symbol);
  return { lines, symbols: new Set(symbols.filter((symbol) => symbol !== '')) };
}
