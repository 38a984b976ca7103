// A zip with nothing in it but its files: same files, same bytes, on every machine.
import { crc32 } from 'node:zlib';

/** 1980-01-01 00:00, the first instant a zip can hold. */
const DOS_DATE = 0x21;
const VERSION = 20;
/** A regular file everybody may read; without it Lambda cannot open what it unpacked. */
const MODE = 0o100644 * 0x10000;
const MADE_BY_UNIX = 3 << 8;

/**
 * Files are stored, not deflated: zlib's output differs between versions and processors, and would redeploy every
 * function after an update of Node.
 * @param {Record<string, Uint8Array>} files content by name
 * @returns {Buffer}
 */
export function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const name of Object.keys(files).sort()) {
    const content = files[name];
    const path = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(VERSION, 0);
    common.writeUInt16LE(DOS_DATE, 8);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(path.length, 22);
    const entry = [Buffer.from('PK\x03\x04', 'latin1'), common, path, content];
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(MODE, 6);
    tail.writeUInt32LE(offset, 10);
    const madeBy = Buffer.alloc(2);
    madeBy.writeUInt16LE(VERSION | MADE_BY_UNIX);
    directory.push(Buffer.from('PK\x01\x02', 'latin1'), madeBy, common, tail, path);
    parts.push(...entry);
    offset += entry.reduce((bytes, part) => bytes + part.length, 0);
  }
  const index = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(Object.keys(files).length, 8);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(index.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, index, end]);
}
