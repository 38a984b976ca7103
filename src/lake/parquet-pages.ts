import type { Compressors } from 'hyparquet';
import { readHybrid, readStruct, type ThriftStruct, type ThriftValue } from './parquet-bits.ts';

/** Of a file; a session has 12,000 rows of eleven values in 1 MB, a long list 100,000 rows. */
const MOST_ROWS = 1_000_000;
const MOST_VALUES = 8_000_000;
const MOST_UNPACKED = 64 * 1024 * 1024;

const [BOOLEAN, INT32, INT64] = [0, 1, 2];
const [DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2] = [0, 2, 3];
const [PLAIN, PLAIN_DICTIONARY, RLE, DELTA, DELTA_LENGTHS, DICTIONARY, SPLIT_STREAMS] = [0, 2, 3, 5, 6, 8, 9];
/** Logical types of no column that we read: their values are objects of hyparquet's own. */
const SPATIAL = [16, 17, 18];
const CODECS = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'LZO', 'BROTLI', 'LZ4', 'ZSTD', 'LZ4_RAW'] as const;

/** Columns of a file that hold one value a row, and what its pages are unpacked by. */
export interface CheckedFile {
  rows: number;
  /** Names of the columns, in their order; others, of lists and structs, are not read. */
  flat: string[];
  compressors: Compressors | undefined;
}

/**
 * Follows every length and count in a Parquet file that another program wrote, before hyparquet does: it believes
 * them, and one wrong byte has it allocate gigabytes or read the same bytes for ever.
 * @throws Error for a file whose lengths and counts contradict each other, or go beyond what a file of a lake can be
 */
export async function checkFile(file: Buffer): Promise<CheckedFile> {
  if (file.length < 12 || file.toString('latin1', file.length - 4) !== 'PAR1') throw new Error('no PAR1 at its end');
  const footer = file.length - 8 - file.readUInt32LE(file.length - 8);
  if (footer < 4) throw new Error('a footer longer than the file');
  const meta = readStruct(file, footer).struct;
  const rows = whole(meta.get(3), MOST_ROWS, 'rows');
  const leaves = leavesOf(listOf(meta.get(2)));
  const read = leaves.filter(({ flat }) => flat);
  if (rows * read.length > MOST_VALUES) throw new Error(`${rows} rows of ${read.length} columns`);
  const groups = listOf(meta.get(4));
  const compressors = await compressorsFor(groups);
  const state = { file, footer, compressors, unpacked: 0 };
  let counted = 0;
  for (const group of groups) {
    const chunks = listOf(group.get(1));
    const groupRows = whole(group.get(3), rows - counted, 'rows of a group');
    counted += groupRows;
    if (chunks.length !== leaves.length) throw new Error(`${chunks.length} columns in a group of ${leaves.length}`);
    for (const [place, chunk] of chunks.entries()) checkPath(structOf(chunk.get(3)), leaves[place]!);
    for (const leaf of read) checkChunk(state, structOf(chunks[leaves.indexOf(leaf)]!.get(3)), leaf, groupRows);
  }
  if (counted !== rows) throw new Error(`${counted} rows in groups, ${rows} in all`);
  return { rows, flat: read.map(({ name }) => name), compressors };
}

interface Leaf {
  path: string[];
  name: string;
  flat: boolean;
  type: ThriftValue | undefined;
  optional: boolean;
}

/** The columns that hold values, in the order of their chunks. */
function leavesOf(elements: readonly ThriftStruct[]): Leaf[] {
  const leaves: Leaf[] = [];
  let next = 1;
  const follow = (parent: ThriftStruct | undefined, path: string[], depth: number): void => {
    const children = whole(parent?.get(5), elements.length, 'columns');
    const names = new Set<string>();
    for (let child = 0; child < children; child++) {
      const element = elements[next++];
      if (!element || depth > 16) throw new Error('a schema without its end');
      const name = textOf(element.get(4));
      if (names.has(name) || name === '__proto__') throw new Error(`two columns ${name}`);
      names.add(name);
      const own = [...path, name];
      if (element.get(5) !== undefined && element.get(5) !== 0) follow(element, own, depth + 1);
      else leaves.push({ ...leafOf(element), path: own, name: own[0]! });
    }
  };
  follow(elements[0], [], 0);
  if (next !== elements.length) throw new Error('columns beyond the schema');
  return leaves.map((leaf) => ({ ...leaf, flat: leaf.flat && leaf.path.length === 1 }));
}

function leafOf(element: ThriftStruct): Pick<Leaf, 'type' | 'optional' | 'flat'> {
  const repetition = element.get(3);
  const logical = element.get(10);
  const spatial = logical instanceof Map && SPATIAL.some((kind) => logical.has(kind));
  return { type: element.get(1), optional: repetition === 1, flat: !spatial && (repetition === 0 || repetition === 1) };
}

function checkPath(chunk: ThriftStruct, { path, type }: Leaf): void {
  const named = Array.isArray(chunk.get(3)) ? (chunk.get(3) as ThriftValue[]).map(textOf) : [];
  if (named.join('\0') !== path.join('\0') || chunk.get(1) !== type)
    throw new Error(`a column ${named.join('.')} in the place of ${path.join('.')}`);
}

interface State {
  file: Buffer;
  footer: number;
  compressors: Compressors | undefined;
  unpacked: number;
}

/** What a column's pages have come to so far. */
interface Pages {
  leaf: Leaf;
  rows: number;
  dictionary: number | undefined;
}

function checkChunk(state: State, chunk: ThriftStruct, leaf: Leaf, rows: number): void {
  const start = whole(chunk.get(11) || chunk.get(9), state.footer, 'a place of pages');
  const end = start + whole(chunk.get(7), state.footer - start, 'bytes of pages');
  if (whole(chunk.get(5), rows, 'values') !== rows) throw new Error(`fewer values than rows in ${leaf.name}`);
  const pages: Pages = { leaf, rows, dictionary: undefined };
  for (let at = start, done = 0; done < rows; ) {
    const { struct: header, end: begin } = readStruct(state.file, at);
    at = begin + whole(header.get(3), end - begin, 'bytes of a page');
    done += checkPage(state, header, { raw: state.file.subarray(begin, at), codec: chunk.get(4) }, pages, rows - done);
  }
}

type Packed = { raw: Buffer; codec: ThriftValue | undefined };

/** @returns the values in the page */
function checkPage(state: State, header: ThriftStruct, page: Packed, pages: Pages, most: number): number {
  const size = whole(header.get(2), MOST_UNPACKED, 'unpacked bytes of a page');
  const type = header.get(1);
  if (type === DICTIONARY_PAGE) {
    pages.dictionary = whole(structOf(header.get(7)).get(1), pages.rows, 'texts of a dictionary');
    unpack(state, page, size);
    return 0;
  }
  if (type === DATA_PAGE) {
    const detail = structOf(header.get(5));
    const values = whole(detail.get(1), most, 'values of a page');
    const bytes = unpack(state, page, size);
    const levels = pages.leaf.optional ? prefixed(bytes) : bytes.subarray(0, 0);
    const present = pages.leaf.optional ? ones(levels, values) : values;
    const from = pages.leaf.optional ? 4 + levels.length : 0;
    checkValues(bytes.subarray(from), detail.get(2), present, pages);
    return values;
  }
  if (type !== DATA_PAGE_V2) throw new Error(`a page of type ${String(type)}`);
  const detail = structOf(header.get(8));
  const values = whole(detail.get(1), most, 'values of a page');
  const nulls = whole(detail.get(2), values, 'nulls of a page');
  const levels = whole(detail.get(5), pages.leaf.optional ? page.raw.length : 0, 'bytes of levels');
  if (detail.get(6) !== 0) throw new Error(`lists in ${pages.leaf.name}`);
  const present = pages.leaf.optional ? ones(page.raw.subarray(0, levels), values) : values;
  if (present !== values - nulls) throw new Error(`${present} values and ${nulls} nulls, not ${values}`);
  const packed = { raw: page.raw.subarray(levels), codec: detail.get(7) === false ? 0 : page.codec };
  checkValues(unpack(state, packed, whole(size - levels, size, 'unpacked bytes')), detail.get(4), present, pages);
  return values;
}

function prefixed(bytes: Buffer): Buffer {
  const length = bytes.readUInt32LE(0);
  if (length > bytes.length - 4) throw new Error('levels beyond their page');
  return bytes.subarray(4, 4 + length);
}

function ones(levels: Buffer, values: number): number {
  let count = 0;
  for (const level of readHybrid(levels, 1, values)) count += level;
  return count;
}

function checkValues(bytes: Buffer, encoding: ThriftValue | undefined, count: number, { leaf, dictionary }: Pages) {
  const { type, name } = leaf;
  if (encoding === PLAIN || encoding === SPLIT_STREAMS) {
    // At least a byte each, but for booleans; readers look at the bytes themselves.
    if (count > bytes.length * 8) throw new Error(`more values than bytes in ${name}`);
    if (encoding === SPLIT_STREAMS && bytes.length % Math.max(count, 1) !== 0)
      throw new Error(`half a value in ${name}`);
  } else if (encoding === RLE && type === BOOLEAN) ones(prefixed(bytes), count);
  else if ((encoding === DICTIONARY || encoding === PLAIN_DICTIONARY) && type !== BOOLEAN) {
    if (bytes.length === 0 && count === 0) return;
    const codes = readHybrid(bytes.subarray(1), bytes.readUInt8(0), count);
    if (codes.some((code) => code >= (dictionary ?? 0))) throw new Error(`a code without its text in ${name}`);
  } else if (encoding === DELTA && (type === INT32 || type === INT64)) checkDelta(bytes, count);
  else if (encoding === DELTA_LENGTHS) checkDelta(bytes, count);
  else throw new Error(`an encoding that is not read (${String(encoding)}) in ${name}`);
}

/** The header of delta encoding: values a block, blocks within it, values in all. */
function checkDelta(bytes: Buffer, count: number): void {
  let at = 0;
  const [block, parts, total] = [0, 0, 0].map(() => {
    let value = 0;
    for (let scale = 1; scale < 2 ** 28; scale *= 128) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new Error('a number without end');
  }) as [number, number, number];
  const even = block > 0 && parts > 0 && block % 128 === 0 && (block / parts) % 8 === 0;
  if (!even || total !== count) throw new Error(`${total} values in blocks of ${block} and ${parts}, ${count} wanted`);
}

function unpack(state: State, { raw, codec }: Packed, size: number): Buffer {
  state.unpacked += size;
  if (state.unpacked > MOST_UNPACKED) throw new Error(`more than ${MOST_UNPACKED} bytes unpacked`);
  const name = typeof codec === 'number' ? CODECS[codec] : undefined;
  const bytes = name === 'UNCOMPRESSED' ? raw : unpacked(state, name, raw, size);
  if (bytes.length !== size) throw new Error(`${bytes.length} bytes unpacked, ${size} in the header`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function unpacked({ compressors }: State, name: (typeof CODECS)[number] | undefined, raw: Buffer, size: number) {
  if (name === 'SNAPPY') return unsnap(raw, size);
  const unpacker = name && compressors?.[name];
  if (!unpacker) throw new Error(`packed with ${name ?? 'something unknown'}, which is not read`);
  return unpacker(raw, size);
}

/** Our own files need none of it; a function that meets an adopted file loads it then. */
async function compressorsFor(groups: readonly ThriftStruct[]): Promise<Compressors | undefined> {
  const codecs = groups.flatMap((group) => listOf(group.get(1)).map((chunk) => structOf(chunk.get(3)).get(4)));
  const ours = codecs.every((codec) => codec === 0 || codec === 1);
  return ours ? undefined : (await import('./compressors.ts')).compressors;
}

/** Unpacks Snappy's raw format; hyparquet's own goes back in its input when a length has its highest bit. */
export function unsnap(input: Uint8Array, size: number): Uint8Array {
  const output = new Uint8Array(size);
  let [at, done] = [0, 0];
  const number = (bytes: number): number => {
    let value = 0;
    for (let place = 0; place < bytes; place++) value += byteOf(input, at++) * 256 ** place;
    return value;
  };
  while (byteOf(input, at++) >= 128);
  while (at < input.length) {
    const tag = input[at++]!;
    if ((tag & 3) === 0) {
      const length = (tag >> 2 < 60 ? tag >> 2 : number((tag >> 2) - 59)) + 1;
      if (at + length > input.length || done + length > size) throw new Error('snappy: a text beyond the end');
      output.set(input.subarray(at, at + length), done);
      at += length;
      done += length;
      continue;
    }
    const near = (tag & 3) === 1;
    const length = near ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const back = near ? (tag >> 5) * 256 + number(1) : number((tag & 3) === 2 ? 2 : 4);
    if (back === 0 || back > done || done + length > size) throw new Error('snappy: a copy from nowhere');
    for (let end = done + length; done < end; done++) output[done] = output[done - back]!;
  }
  if (done !== size) throw new Error(`snappy: ${done} bytes, ${size} wanted`);
  return output;
}

function byteOf(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new Error('bytes that end too soon');
  return byte;
}

function whole(value: ThriftValue | undefined, most: number, what: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new Error(`${typeof value === 'number' ? value : 'no number of'} ${what}, at most ${most} wanted`);
}

function structOf(value: ThriftValue | undefined): ThriftStruct {
  if (value instanceof Map) return value;
  throw new Error('a part of its footer is missing');
}

function listOf(value: ThriftValue | undefined): ThriftStruct[] {
  if (Array.isArray(value)) return value.map(structOf);
  throw new Error('a list of its footer is missing');
}

function textOf(value: ThriftValue | undefined): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  throw new Error('a name of its footer is missing');
}
