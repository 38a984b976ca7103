import { expect, test } from 'vitest';
import { diskTrouble, fewFiles, NamedError, tooFewFiles } from '../src/errors.ts';

test.each([
  ['a code', Object.assign(new Error('write'), { code: 'ENOSPC' }), 'the disk is full', true],
  [
    'the words of LevelDB',
    { code: 'LEVEL_IO_ERROR', message: 'IO error: 5.log: No space left on device' },
    'the disk is full',
    true,
  ],
  ['the words of PostgreSQL', new Error('PANIC: could not write: No space left on device'), 'the disk is full', true],
  ['a quota', { code: 'EDQUOT' }, 'the disk quota is used up', true],
  ['a read-only disk', new Error('EROFS: read-only file system'), 'the file system is read-only', false],
  ['missing rights', { code: 'EACCES' }, 'permission denied', false],
])('%s is told in plain words', (_name, error, reason, full) => {
  expect(diskTrouble(error)).toEqual({ reason, full });
});

test.each([undefined, null, 'a text', new Error('ENOENT: no such file'), { code: 'EIO' }])(
  '%s is no trouble of the disk',
  (error) => {
    expect(diskTrouble(error)).toBeUndefined();
  },
);

test.each([
  ['a plain error', Object.assign(new Error('open'), { code: 'EMFILE' })],
  ['a fetch', new TypeError('fetch failed', { cause: Object.assign(new Error('connect'), { code: 'ENFILE' }) })],
  ['a database', new NamedError('Database.Failed', 'IO error: /x: Too many open files')],
])('the limit of open files met by %s is named with what to do', (_, error) => {
  expect(fewFiles(error)).toMatchObject({
    name: 'Home.Unwritable',
    message: expect.stringContaining('ulimit -n 4096'),
  });
});

test('no other error is taken for a limit of open files', () => {
  expect(fewFiles(new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }))).toBeUndefined();
});

test('a limit that was named already is named once', () => {
  const named = tooFewFiles('a limit of 64');
  const wrapped = new NamedError('Database.Failed', `the warehouse refused a statement: ${named.message}`);
  expect(fewFiles(wrapped)?.message).toBe(named.message);
});
