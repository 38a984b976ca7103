import * as z from 'zod';

const DECIMAL = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

/** A number that bulk answers write as text; anything else that is no number, `1,000` or ` 5`, is refused. */
export const figure = z.union([
  z.number(),
  z.string().regex(DECIMAL, 'expected a number').transform(Number).pipe(z.number()),
]);

/** The same where null and '' stand for no value. */
export const optionalFigure = z
  .union([z.literal(''), figure])
  .nullish()
  .transform((value) => (value === '' || value === null ? undefined : value));
