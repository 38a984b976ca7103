import { expect, test } from 'vitest';
import { diskTrouble } from '../src/errors.ts';

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
