import type { ZodType } from 'zod';
import { AwsFault } from './fault.ts';

/** Answers one operation: the request body in, the body of a 200 answer out; throws AwsFault. */
export type Route = (body: string) => Promise<string>;

/** Route tables by the keys of `calledOperation`. */
export type Routes = Record<string, Route>;

/** A route of a JSON protocol: the input is checked against `schema` (a mismatch is a ValidationException). */
export function jsonRoute<Input>(schema: ZodType<Input>, handle: (input: Input) => Promise<unknown> | unknown): Route {
  return async (body) => JSON.stringify(await handle(parseJson(schema, body)));
}

/** Parses and checks a JSON body; unknown fields are refused by strict schemas, so none is silently ignored. */
export function parseJson<Input>(schema: ZodType<Input>, body: string): Input {
  let value: unknown;
  try {
    value = JSON.parse(body === '' ? '{}' : body);
  } catch {
    throw new AwsFault('SerializationException', 'The request body is not JSON');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'request'}: ${issue.message}`);
  throw new AwsFault('ValidationException', problems.join('; '));
}
