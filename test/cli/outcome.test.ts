import { expect, test } from 'vitest';
import { printOutcome } from '../../src/cli/outcome.ts';
import { nightReport } from '../report/night-report.ts';

function printed(more: Parameters<typeof nightReport>[0]): string {
  const lines: string[] = [];
  const print = (text: string | readonly string[]) => void lines.push(...[text].flat());
  const terminal = { json: false, live: false, colour: false, print, note: print, typed: String };
  printOutcome(nightReport(more), { uri: 'lake' }, terminal);
  return lines.join('\n');
}

test('a held night says what takes nothing away first, and what a release would do right before how to release it', () => {
  const sessions = { published: [], held: ['2026-11-25'], failed: [] };
  const releasing = { sessions: 6, changed: 0, removed: 1526 };
  const first = `\n\nLook first: npx afterbell report --run night-1
Once the vendor has fixed it (else it is withheld again): npx afterbell night --session 2026-11-25\n`;
  const offer = 'If it is right after all: npx afterbell release night-1\n';
  expect(printed({ status: 'Held', sessions, releasing })).toContain(
    `${first}Releasing publishes 6 sessions and removes 1,526 served rows. ${offer}`,
  );
  const plain = printed({ status: 'Held', sessions });
  expect(plain).toContain(`${first}${offer}`);
  expect(plain).not.toContain('Releasing');
  expect(printed({ status: 'Succeeded', datasets: [] })).not.toContain(offer);
});
