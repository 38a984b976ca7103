import { errorName } from '../errors.ts';

/** A reader of parts of a page: one that cannot be read is named in `unread` and costs its own part, never the page. */
export function partReader(unread: string[]) {
  return async <T>(what: string, work: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      unread.push(`${what}: ${errorName(error)}: ${(error as Error).message}`);
      return otherwise;
    }
  };
}
