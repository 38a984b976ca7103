import { expect, test } from 'vitest';
import { unwritable } from '../../src/local/home.ts';

const failure = (code: string) => Object.assign(new Error(`${code}: said the system`), { code });

test('a full home wants room, not rights', () => {
  const { name, message } = unwritable('/home', failure('ENOSPC'));
  expect(name).toBe('Home.Unwritable');
  expect(message).toMatch(/^The home \/home cannot be written; found the disk is full \(ENOSPC.*\)\. Free some space /);
  expect(message).not.toContain('wanted');
});

test('a read-only home says so, and that a copy can be read', () => {
  const { message } = unwritable('/home', failure('EROFS'));
  expect(message).toMatch(/found the file system is read-only .*; wanted a folder .*a copy of this home$/);
});
