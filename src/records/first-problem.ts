import type * as z from 'zod';

/** The first thing that is wrong with a row, as a reason beside it: `date: expected string, received number`. */
export function firstProblem(error: z.ZodError | undefined): string {
  const issue = error?.issues[0];
  if (issue === undefined) return 'row cannot be read';
  const message = issue.message.replace(/^Invalid input: /, '');
  return issue.path.length === 0 ? message : `${issue.path.join('.')}: ${message}`;
}
