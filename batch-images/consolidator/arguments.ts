import { parseArgs } from 'node:util';
import { NamedError } from '../../src/errors.ts';

export interface ConsolidatorArguments {
  mode?: 'full' | 'incremental';
  symbols?: string[];
}

/**
 * `[--mode full|incremental] [--symbols A,B]`; what is absent comes from the environment.
 * @throws Usage.Invalid
 */
export function consolidatorArguments(argv: readonly string[]): ConsolidatorArguments {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { mode: { type: 'string' }, symbols: { type: 'string' } },
    });
    const { mode, symbols } = values;
    if (mode !== undefined && mode !== 'full' && mode !== 'incremental') throw new Error(`--mode ${mode}`);
    const named = symbols?.split(',').filter(Boolean);
    if (named?.length === 0) throw new Error('--symbols without a symbol');
    return { mode, symbols: named };
  } catch (cause) {
    throw new NamedError(
      'Usage.Invalid',
      {
        what: 'the consolidator does not know these arguments',
        found: (cause as Error).message,
        wanted: '[--mode full|incremental] [--symbols A,B]',
      },
      { cause },
    );
  }
}
