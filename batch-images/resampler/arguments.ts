import { parseArgs } from 'node:util';
import { NamedError } from '../../src/errors.ts';

export interface ResamplerArguments {
  mode?: 'full' | 'incremental';
  intervals?: number[];
}

/**
 * `[--mode full|incremental] [--intervals 3,5]`; what is absent comes from the environment.
 * @throws Usage.Invalid
 */
export function resamplerArguments(argv: readonly string[]): ResamplerArguments {
  try {
    const options = { mode: { type: 'string' }, intervals: { type: 'string' } } as const;
    const { mode, intervals } = parseArgs({ args: [...argv], options }).values;
    if (mode !== undefined && mode !== 'full' && mode !== 'incremental') throw new Error(`--mode ${mode}`);
    const numbers = intervals?.split(',').map(Number);
    const wrong = numbers?.some((n) => !Number.isInteger(n) || n < 2 || n > 250);
    if (wrong) throw new Error(`--intervals ${intervals}`);
    return { mode, intervals: numbers };
  } catch (cause) {
    throw new NamedError(
      'Usage.Invalid',
      {
        what: 'the resampler does not know these arguments',
        found: (cause as Error).message,
        wanted: '[--mode full|incremental] [--intervals 3,5], each of 2 to 250 sessions',
      },
      { cause },
    );
  }
}
