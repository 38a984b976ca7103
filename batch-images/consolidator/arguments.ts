import { parseArgs } from 'node:util';
import { NamedError } from '../../src/errors.ts';

export interface ConsolidatorArguments {
  command: 'consolidate' | 'vacuum';
  mode?: 'full' | 'incremental';
  symbols?: string[];
  retentionDays?: number;
  maxWorkers?: number;
  dryRun: boolean;
}

const USAGE =
  '[--mode full|incremental] [--symbols A,B] [--retention-days N] [--max-workers N], or vacuum [--dry-run] [--symbols A,B] [--retention-days N] [--max-workers N]';

/**
 * `[vacuum]` and options; what is absent comes from the environment.
 * @throws Usage.Invalid
 */
export function consolidatorArguments(argv: readonly string[]): ConsolidatorArguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        mode: { type: 'string' },
        symbols: { type: 'string' },
        'retention-days': { type: 'string' },
        'max-workers': { type: 'string' },
        'dry-run': { type: 'boolean' },
      },
    });
    const [command = 'consolidate', ...more] = positionals;
    if (command !== 'consolidate' && command !== 'vacuum') throw new Error(command);
    if (more.length > 0) throw new Error(more.join(' '));
    const { mode, symbols } = values;
    if (mode !== undefined && mode !== 'full' && mode !== 'incremental') throw new Error(`--mode ${mode}`);
    if (mode !== undefined && command === 'vacuum') throw new Error('vacuum with --mode');
    const dryRun = values['dry-run'] ?? false;
    if (dryRun && command !== 'vacuum') throw new Error('--dry-run without vacuum');
    const named = symbols?.split(',').filter(Boolean);
    if (named?.length === 0) throw new Error('--symbols without a symbol');
    return {
      command,
      mode,
      symbols: named,
      retentionDays: whole('--retention-days', values['retention-days'], 0),
      maxWorkers: whole('--max-workers', values['max-workers'], 1),
      dryRun,
    };
  } catch (cause) {
    throw new NamedError(
      'Usage.Invalid',
      { what: 'the consolidator does not know these arguments', found: (cause as Error).message, wanted: USAGE },
      { cause },
    );
  }
}

function whole(flag: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,6}$/.test(text) && Number(text) >= least) return Number(text);
  throw new Error(`${flag} ${text}`);
}
