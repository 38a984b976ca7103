import { diskTrouble } from '../disk-trouble.ts';
import { NamedError } from '../errors.ts';

/** Home.Unwritable in the words of its cause: room, a disk that takes writes, or rights. */
export function unwritable(home: string, error: unknown): NamedError {
  const trouble = diskTrouble(error);
  const again = 'run the same command again; nothing stored was changed';
  const advice = trouble?.full
    ? { todo: `Make room on its disk, or set AFTERBELL_HOME to a folder elsewhere, and ${again}` }
    : {
        wanted: 'a folder this user may create files and hard links in; who reads takes its lock too',
        todo: 'Set AFTERBELL_HOME to such a folder, or to a copy of this home',
      };
  const said = error instanceof Error ? error.message : String(error);
  const found = trouble ? `${trouble.reason} (${said})` : said;
  return new NamedError(
    'Home.Unwritable',
    { what: `The home ${home} cannot be written`, found, ...advice },
    { cause: error },
  );
}
