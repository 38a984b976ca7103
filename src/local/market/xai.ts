import { randomUUID } from 'node:crypto';
import { NamedError } from '../../errors.ts';
import type { Answer, Asked, Vendor } from './market-route.ts';
import { practiceCompletion, practiceResponse } from './xai-model.ts';

const NO_CREDITS =
  'Your team practice has either used all available credits or reached its monthly spending limit. To continue making API requests, please purchase more credits or raise your spending limit.';

function failed(status: number, code: string, error: string): Answer {
  return { status, json: { code, error } };
}

/**
 * xAI's API as far as a portfolio run asks it: chat completions, at once or deferred, and the Responses API, always at
 * once. A deferred answer is `202` at the first look, then handed out exactly once. Each vendor object has answers of its own.
 */
export function xaiVendor(): Vendor {
  const answers = new Map<string, { completion: object; looks: number }>();

  async function complete({ body, active }: Asked): Promise<Answer> {
    if (active.has('no-credits')) return failed(429, 'resource-exhausted', NO_CREDITS);
    const request = requestOf(body, 'messages');
    const completion = practiceCompletion(request.messages, active);
    if (!request.deferred) return { status: 200, json: completion };
    const id = randomUUID();
    answers.set(id, { completion, looks: 0 });
    return { status: 200, json: { request_id: id } };
  }

  async function respond({ body, active }: Asked): Promise<Answer> {
    if (active.has('no-credits')) return failed(429, 'resource-exhausted', NO_CREDITS);
    return { status: 200, json: practiceResponse(requestOf(body, 'input').messages, active) };
  }

  async function handOut({ captured, active }: Asked): Promise<Answer> {
    const found = answers.get(captured[0] ?? '');
    if (!found) return failed(404, 'not-found', `Deferred completion ${captured[0]} was not found`);
    found.looks += 1;
    if (found.looks === 1 || active.has('slow-model')) return { status: 202, text: '' };
    answers.delete(captured[0]!);
    return { status: 200, json: found.completion };
  }

  return {
    name: 'xai',
    routes: [
      { name: 'completions', method: 'POST', pattern: /^\/v1\/chat\/completions$/, answer: complete },
      { name: 'responses', method: 'POST', pattern: /^\/v1\/responses$/, answer: respond },
      { name: 'deferred', pattern: /^\/v1\/chat\/deferred-completion\/([^/]+)$/, answer: handOut },
    ],
    authorized: ({ headers }) => /^Bearer +\S/.test(headers.authorization ?? ''),
    unauthorized: () =>
      failed(
        400,
        'invalid-argument',
        'Incorrect API key provided: pr***ce. You can obtain an API key from https://console.x.ai.',
      ),
    rateLimited: (_request, bare) =>
      bare
        ? { status: 429, text: '' }
        : failed(429, 'resource-exhausted', 'Too many requests for team practice and model grok-practice.'),
    badRequest: (_request, message) => failed(400, 'invalid-argument', message),
  };
}

/** @param field what the API calls the list of messages */
function requestOf(
  body: string,
  field: 'messages' | 'input',
): { messages: { role: string; content: string }[]; deferred: boolean } {
  const wrong = (found: string) => new NamedError('Usage.Invalid', `Failed to deserialize the JSON body: ${found}`);
  let request: { messages?: unknown; input?: unknown; deferred?: unknown };
  try {
    request = JSON.parse(body) as typeof request;
  } catch (error) {
    throw wrong((error as Error).message);
  }
  const { [field]: messages, deferred } = request;
  const whole =
    Array.isArray(messages) && messages.length > 0 && messages.every((one) => typeof one?.content === 'string');
  if (!whole) throw wrong(`missing field \`${field}\``);
  return { messages: messages as { role: string; content: string }[], deferred: deferred === true };
}
