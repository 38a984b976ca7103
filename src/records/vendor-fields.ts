import * as z from 'zod';

/** Text that may be missing. Null and '' count as missing: the vendors write all three. */
export const optionalText = z
  .string()
  .nullish()
  .transform((text) => text || undefined);

export const optionalFlag = z
  .boolean()
  .nullish()
  .transform((flag) => flag ?? undefined);
