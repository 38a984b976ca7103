import { type ErrorName, NamedError } from '../errors.ts';
import { type Analysis, parseAnalysis } from '../records/analysis.ts';
import type { Completion } from '../vendors/xai-answers.ts';

/**
 * The analysis in a finished completion about these symbols.
 * @throws NamedError `Model.Refused`, `Model.Truncated`, and what parseAnalysis throws
 */
export function readAnswer({ choices }: Completion, symbols: readonly string[]): Analysis {
  const { message, finish_reason: end } = choices[0]!;
  if (message.refusal) throw unusable('Model.Refused', JSON.stringify(message.refusal.slice(0, 300)));
  if (end === 'length') throw unusable('Model.Truncated', `${message.content?.length ?? 0} characters, then the limit`);
  if (end === 'content_filter') throw unusable('Model.Refused', 'stopped by the content filter');
  if (!message.content) throw unusable('Model.Refused', 'no content');
  return parseAnalysis(message.content, symbols);
}

function unusable(name: ErrorName, found: string): NamedError {
  return new NamedError(name, { what: 'the model gave no whole answer', found, wanted: 'one JSON document' });
}
