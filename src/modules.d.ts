/** SQL files and prompts are bundled as text (esbuild `text` loader; the same in vitest.config.ts). */
declare module '*.sql' {
  const text: string;
  export default text;
}
declare module '*.md' {
  const text: string;
  export default text;
}

declare module 'dynalite' {
  import type { Server } from 'node:http';

  export default function dynalite(options: {
    path?: string;
    createTableMs?: number;
    deleteTableMs?: number;
    updateTableMs?: number;
  }): Server;
}

declare module 'fs-native-extensions' {
  /** False while another open file has the lock. */
  function tryLock(fd: number, options?: { shared?: boolean }): boolean;
  export default { tryLock };
}
