import type { Target } from '@aws-sdk/client-eventbridge';

/**
 * The message that a target with an input transformer gets. Values go into the template's text as they are.
 * @throws where a line of it is no JSON text any more: EventBridge drops such an event
 */
export function transformed({ InputTransformer }: Target, event: object): string {
  const { InputPathsMap = {}, InputTemplate = '' } = InputTransformer ?? {};
  const filled = InputTemplate.replace(/<([\w-]+)>/g, (_, name: string) => valueAt(event, InputPathsMap[name]!));
  return filled
    .split('\n')
    .map((line) => JSON.parse(line) as string)
    .join('\n');
}

/** A path that leads nowhere gives nothing. */
function valueAt(event: object, path: string): string {
  const steps = path.replace(/^\$\./, '').split('.');
  const found = steps.reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], event);
  return found === undefined ? '' : String(found);
}
