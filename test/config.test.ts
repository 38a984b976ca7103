import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { envExample, environmentOf, loadConfig, SETTINGS } from '../src/config.ts';

const EXAMPLE = fileURLToPath(new URL('../.env.example', import.meta.url));

function refusal(env: Record<string, string>): Error {
  try {
    loadConfig(env);
  } catch (error) {
    return error as Error;
  }
  throw new Error('the settings were accepted');
}

test('every problem stands in one message, each with what was found', () => {
  const error = refusal({ POLYGON_BASE_URL: 'massive.com', SYMBOLS: '0', MODE: 'fast', RESAMPLING_INTERVALS: '3,x' });
  expect(error.name).toBe('Config.Invalid');
  expect(error.message).toContain('4 settings are wrong');
  expect(error.message).toContain('POLYGON_BASE_URL: found "massive.com", wanted an http(s) URL');
  for (const name of ['SYMBOLS', 'MODE', 'RESAMPLING_INTERVALS']) expect(error.message).toContain(`${name}: found`);
});

test('no secret stands in a refusal, neither a good one nor a wrong one', () => {
  const keys = { POLYGON_API_KEY: 'hunter2', DATABASE_URL: 'postgres://me:hunter3@db' };
  expect(refusal({ ...keys, SYMBOLS: '-1' }).message).not.toMatch(/hunter/);
  const wrong = refusal({ ...keys, ALPACA_API_SECRET_KEY: ['hunter4'] as unknown as string }).message;
  expect(wrong).toContain('ALPACA_API_SECRET_KEY: found (a secret, not shown)');
  expect(wrong).not.toMatch(/hunter/);
});

test('an empty or blank setting counts as unset', () => {
  const blank = Object.fromEntries(SETTINGS.map(({ name }) => [name, '']));
  expect(loadConfig(blank)).toEqual(loadConfig({}));
  expect(loadConfig({ RETENTION_DAYS: ' ', POLYGON_API_KEY: ' ' })).toEqual(loadConfig({}));
});

test('lists and numbers are read as such', () => {
  const config = loadConfig({ POLYGON_MARKETS: 'stocks, otc', RESAMPLING_INTERVALS: '5,34', MAX_PAGES: '7' });
  expect(config.POLYGON_MARKETS).toEqual(['stocks', 'otc']);
  expect(config.RESAMPLING_INTERVALS).toEqual([5, 34]);
  expect(config.MAX_PAGES).toBe(7);
  expect(config.HISTORY_SESSIONS).toBeUndefined();
});

test('.env.example is what the schema gives (UPDATE=1 writes it)', () => {
  if (process.env.UPDATE === '1') writeFileSync(EXAMPLE, envExample());
  expect(readFileSync(EXAMPLE, 'utf8')).toBe(envExample());
});

test('the defaults that .env.example shows are the defaults', () => {
  const lines = readFileSync(EXAMPLE, 'utf8').split('\n');
  const shown = lines.map((line) => /^#([A-Z_]+)=(.*)$/.exec(line)).filter((found) => found !== null);
  expect(shown.length).toBeGreaterThan(15);
  expect(loadConfig(Object.fromEntries(shown.map(([, name, value]) => [name, value])))).toEqual(loadConfig({}));
});

test('what people do not set is not in .env.example', () => {
  for (const { name, internal } of SETTINGS as readonly { name: string; internal?: boolean }[]) {
    expect(envExample().includes(`#${name}=`)).toBe(internal !== true);
  }
});

test('functions and jobs read what a command read, without its secrets and its own settings', () => {
  const given = {
    POLYGON_API_KEY: 'k',
    DATABASE_URL: 'postgres://user:pw@host/db',
    SYMBOLS: '7',
    RUN_ID: 'run-1',
    POLYGON_TYPES: 'CS,ETF',
    RESAMPLING_INTERVALS: '3,5',
    MAX_FAILED_PERCENT: '2.5',
    XAI_MAX_USD: 'off',
    XAI_PRICES: '2,6.5',
    ADOPTED_PRICES: 'unadjusted',
    RETENTION_DAYS: '0',
    MEMORY_LIMIT_MB: '2000',
  };
  const config = loadConfig(given);
  const read = loadConfig(environmentOf(config));
  const { POLYGON_API_KEY: _, DATABASE_URL: __, SYMBOLS: ___, RUN_ID: ____, ...handedOn } = given;
  expect(environmentOf(config)).toMatchObject(handedOn);
  expect(read).toEqual(loadConfig(handedOn));
  for (const name of ['POLYGON_API_KEY', 'DATABASE_URL', 'SYMBOLS', 'RUN_ID']) {
    expect(environmentOf(config)).not.toHaveProperty(name);
  }
});
