import { delimiter, dirname } from 'node:path';

/**
 * The PATH of a child: this Node.js and the system's own directories, so that the user's shell settings
 * reach it no more than the rest of the environment does.
 */
export function childPath(): string {
  return [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter);
}
