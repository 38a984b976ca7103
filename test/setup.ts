import { afterAll, afterEach } from 'vitest';
import { closeAll, removeAll } from './cleanup.ts';

/** Before every file, also where files share a process. */
afterEach(closeAll);
afterAll(removeAll);
