import { expect, test } from 'vitest';
import { type DrawnState, dot, drawnStates } from '../../src/report/states.ts';
import { nightReport } from './night-report.ts';

function find(states: readonly DrawnState[], name: string): DrawnState | undefined {
  return states
    .flatMap((state) => [state, ...[find(state.inner, name)].filter((one) => one !== undefined)])
    .find((state) => state.name === name);
}

test('a state shows what happened to it: time, items, pages, retries and the error caught', () => {
  const states = drawnStates(nightReport())!;
  expect(find(states, 'Open Night')).toMatchObject({ went: 'done', facts: ['0.1 s'] });
  expect(find(states, 'Sync Page')).toMatchObject({
    went: 'failed',
    facts: ['7.3 s', '6 pages', '3 retries', 'Vendor.Unavailable'],
  });
  expect(find(states, 'Consolidate')).toMatchObject({ went: 'not reached', facts: [] });
  expect(find(states, 'More Pages?')).toMatchObject({ went: 'steers' });
});

test('how the verdict was told follows from its word', () => {
  const words = (status: 'Partial' | 'Held') => {
    const states = drawnStates(nightReport({ status }))!;
    return ['Night Completed', 'Notify', 'Night Not Good'].map((name) => find(states, name)!.went);
  };
  expect(words('Partial')).toEqual(['done', 'not reached', 'not reached']);
  expect(words('Held')).toEqual(['not reached', 'done', 'done']);
});

test('every state of the machine is drawn', () => {
  const text = dot(drawnStates(nightReport())!);
  for (const name of ['Open Night', 'Sync Page', 'Publish Session', 'Night Not Good'])
    expect(text).toContain(`"${name}"`);
  expect(text).toContain('subgraph "cluster Prices"');
});

test('a run without a record of its states is not drawn as if it had none', () => {
  expect(drawnStates(nightReport({ stages: [] }))).toBeUndefined();
  expect(drawnStates(nightReport({ stages: undefined }))).toBeUndefined();
});
