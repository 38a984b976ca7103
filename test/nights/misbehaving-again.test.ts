import { expect, test } from 'vitest';
import { afterbell } from './command.ts';
import { SESSION, scratch } from './scene.ts';

test('a repeated night obeys --misbehave, and a misbehaviour that changed nothing is reported', async () => {
  const env = { AFTERBELL_HOME: scratch() };
  const night = ['night', '--session', SESSION];
  const first = await afterbell(night, env);
  expect(first.code, first.stderr).toBe(0);
  // One session has neither an RSI nor a mean of 50.
  expect(first.stdout).toContain('Practice: no RSI yet, no 50-session mean yet.');
  expect(first.stdout).not.toMatch(/(above|below) its 50-session mean/);

  const held = await afterbell([...night, '--misbehave', 'half-missing'], env);
  expect(held.code, held.stderr).toBe(4);
  expect(held.stdout).toContain('of what is served for this session are missing');
  expect(held.stderr).not.toContain('changed nothing');

  // The list is fresh: a night does not ask for it.
  const unmet = await afterbell([...night, '--misbehave', 'half-missing@tickers'], env);
  expect(unmet.code, unmet.stderr).toBe(0);
  expect(unmet.stderr).toContain('--misbehave half-missing changed nothing: nothing that it spoils was asked for.');
  expect(unmet.stderr).toContain('run sync-tickers --misbehave NAME');
  const list = await afterbell(['run', 'sync-tickers', '--misbehave', 'half-missing@tickers'], env);
  expect(list.code, list.stderr).toBe(3);
  expect(list.stdout).toMatch(/^tickers +held /m);
});

test('misbehaviours are for our own market', async () => {
  const env = { AFTERBELL_HOME: scratch(), POLYGON_API_KEY: 'x' };
  for (const args of [['night'], ['run', 'sync-tickers']]) {
    const said = await afterbell([...args, '--misbehave', 'half-missing'], env);
    expect(said.code).toBe(2);
    expect(said.stderr).toContain('--misbehave half-missing is for the practice market');
  }
});
