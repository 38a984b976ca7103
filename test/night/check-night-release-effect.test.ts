import { expect, test } from 'vitest';
import { releaseText } from '../../src/records/run.ts';

test.each([
  [{ sessions: 6, changed: 0, removed: 1526 }, 'Releasing publishes 6 sessions and removes 1,526 served rows.'],
  [{ sessions: 1, changed: 0, removed: 0 }, 'Releasing publishes 1 session and removes no served row.'],
  [
    { sessions: 2, changed: 1, removed: 1 },
    'Releasing publishes 2 sessions, changes 1 served row and removes 1 served row.',
  ],
])('%j is said in one sentence', (effect, text) => expect(releaseText(effect)).toBe(text));
