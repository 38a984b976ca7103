import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect } from 'vitest';
import { startsAround } from '../../src/calendar/schedule.ts';
import { envExample, environmentOf, loadConfig, SETTINGS } from '../../src/config.ts';
import { readEnvSettings } from '../../src/env-file.ts';
import { temporaryFolder } from '../local/programs.ts';
import { bytesLike, door, textLike } from './door.ts';

const path = join(temporaryFolder(), '.env');
const FILES = [
  envExample().replaceAll('\n#', '\n'),
  'POLYGON_API_KEY=abc\nexport SYMBOLS="500" # many\n\n# a comment\nXAI_PRICES=\'2,6\'\r\nLOG_LEVEL = DEBUG\n',
];

function read(bytes: string | Uint8Array): Record<string, string> {
  writeFileSync(path, bytes);
  return readEnvSettings(path);
}

door('.env, bytes', {
  inputs: bytesLike(FILES.map((text) => Buffer.from(text))),
  enter: (bytes) => environmentOf(loadConfig(read(bytes))),
});

door('.env, lines', {
  inputs: textLike(FILES),
  enter: (text) => environmentOf(loadConfig(read(text))),
});

/** What is written plainly is read as it was written. */
door('.env, written plainly', {
  inputs: fc.dictionary(
    fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,20}$/),
    fc.stringMatching(/^([!$-&(-_a-~]([ !$-&(-_a-~]{0,20}[!$-&(-_a-~])?)?$/),
    { maxKeys: 8 },
  ),
  enter: (settings) => {
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    expect({ ...read(lines.join('\n')) }).toEqual({ ...settings });
  },
});

const value = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e9',
    '9'.repeat(30),
    'off',
    'on',
    'all',
    ',',
    'A,B',
    's3://b',
    'file:///x',
    '\0',
    '%',
  ),
  fc.constantFrom('http://', 'http://[', 'https://a b', 'postgres://', 'cron(0 4 31 2 ? *)', 'cron(* * * * ? 2199)'),
  fc.constantFrom(
    'cron(0 4 ? * 2#6 *)',
    'cron(0/7 4-2 L * ? 1970)',
    'cron(0 4 L-3 * ? *)',
    'rate(1 day)',
    'US/Eastern',
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
door('settings', {
  inputs: fc.dictionary(fc.constantFrom(...SETTINGS.map(({ name }) => name)), value, { maxKeys: 5 }),
  enter: (settings) => {
    const config = loadConfig(settings);
    environmentOf(config);
    const schedule = { expression: config.NIGHT_SCHEDULE, zone: config.SCHEDULE_TIMEZONE };
    const around = startsAround(schedule, new Date('2025-11-19T12:00:00Z'));
    if (around) expect(around.last < around.next).toBe(true);
  },
});
