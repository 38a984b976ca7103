import { NamedError } from '../../errors.ts';

/** What a placeholder looks like: `${stage_session_arn}`. */
const PLACEHOLDER = /\$\{([a-zA-Z][a-zA-Z0-9_]*)\}/g;

/** Names of the placeholders in a text, sorted, each once. */
export function placeholdersIn(text: string): string[] {
  return [...new Set([...text.matchAll(PLACEHOLDER)].map((match) => match[1]!))].sort();
}

/**
 * Fills the placeholders of an ASL file. They stand inside strings only, so the file is JSON before and after.
 * @throws NamedError Config.Invalid, naming placeholders without a value, values without a placeholder, other uses
 *   of `${`, or that the text is not JSON as it lies on disk.
 */
export function renderTemplate(text: string, values: Readonly<Record<string, string>>): string {
  const names = placeholdersIn(text);
  const missing = names.filter((name) => !Object.hasOwn(values, name));
  const unused = Object.keys(values).filter((name) => !names.includes(name));
  const found = [
    ...(missing.length > 0 ? [`no value for ${missing.join(', ')}`] : []),
    ...(unused.length > 0 ? [`no placeholder for ${unused.join(', ')}`] : []),
    ...(text.replace(PLACEHOLDER, '').includes('${') ? ['a ${ that is not a placeholder'] : []),
    ...notJson(text),
  ];
  if (found.length > 0) {
    throw new NamedError('Config.Invalid', {
      what: 'the state machine file cannot be rendered',
      found: found.join('; '),
      wanted: 'JSON with placeholders inside strings only, and one value for each name',
    });
  }
  return text.replace(PLACEHOLDER, (_, name: string) => JSON.stringify(values[name]).slice(1, -1));
}

function notJson(text: string): string[] {
  try {
    JSON.parse(text);
    return [];
  } catch (error) {
    return [`text that is not JSON (${(error as Error).message})`];
  }
}
