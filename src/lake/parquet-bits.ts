/**
 * Parquet's RLE / bit-packing hybrid ("RLE = 3" among the encodings of parquet-format), for dictionary codes and definition
 * levels. Long runs are written as runs, everything else as one bit-packed block: hyparquet-writer mixes the two, which
 * would be other bytes.
 * @throws RangeError for codes of more than 24 bits: with seven bits that are left over they would not fit into 32
 */
export function writeHybrid(codes: ArrayLike<number>, width: number): Uint8Array {
  if (width > 24) throw new RangeError(`${width} bits a code`);
  const count = codes.length;
  const valueBytes = Math.ceil(width / 8);
  let runs = count === 0 ? 0 : 1;
  for (let i = 1; i < count; i++) if (codes[i] !== codes[i - 1]) runs++;
  const groups = Math.ceil(count / 8);
  if (runs * (valueBytes + 5) <= groups * width + 5) return writeRuns(codes, runs, valueBytes);
  const out = new Uint8Array(5 + groups * width);
  let at = varint(out, 0, groups * 2 + 1);
  let bits = 0;
  let rest = 0;
  for (let i = 0; i < groups * 8; i++) {
    if (i < count) rest |= codes[i]! << bits;
    bits += width;
    while (bits >= 8) {
      out[at++] = rest;
      rest >>>= 8;
      bits -= 8;
    }
  }
  return out.subarray(0, at);
}

/** So many times the same code of one bit, as one run. */
export function writeRun(code: 0 | 1, count: number): Uint8Array {
  const out = new Uint8Array(6);
  const at = varint(out, 0, count * 2);
  out[at] = code;
  return out.subarray(0, at + 1);
}

function writeRuns(codes: ArrayLike<number>, runs: number, valueBytes: number): Uint8Array {
  const out = new Uint8Array(runs * (valueBytes + 5));
  let at = 0;
  for (let start = 0; start < codes.length; ) {
    let end = start + 1;
    while (end < codes.length && codes[end] === codes[start]) end++;
    at = varint(out, at, (end - start) * 2);
    for (let byte = 0, rest = codes[start]!; byte < valueBytes; byte++, rest = Math.floor(rest / 256)) {
      out[at++] = rest % 256;
    }
    start = end;
  }
  return out.subarray(0, at);
}

function varint(out: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out[at++] = (rest % 128) + 128;
  out[at++] = rest;
  return at;
}

/** Reads `count` codes. @throws RangeError when the bytes end before them, or hold more than them */
export function readHybrid(bytes: Uint8Array, width: number, count: number): Int32Array {
  if (width > 24) throw new RangeError(`${width} bits a code`);
  const codes = new Int32Array(count);
  const mask = 2 ** width - 1;
  let at = 0;
  const byte = (): number => {
    if (at >= bytes.length) throw new RangeError('codes end too soon');
    return bytes[at++]!;
  };
  for (let row = 0; row < count; ) {
    let header = byte();
    for (let last = header, scale = 128; last >= 128; scale *= 128) {
      if (scale > 2 ** 35) throw new RangeError('a run without end');
      last = byte();
      header += (last - 1) * scale;
    }
    const left = count - row;
    if (header % 2 === 0) {
      const run = header / 2;
      let code = 0;
      for (let bits = 0; bits < width; bits += 8) code |= byte() << bits;
      if (run > left || code > mask) throw new RangeError(`${run} times ${code}, for ${left} codes of ${width} bits`);
      codes.fill(code, row, row + run);
      row += run;
      continue;
    }
    const groups = (header - 1) / 2;
    // DuckDB fills a block of 256 codes with zeros; without a bit a code, no byte bounds how many there are.
    const room = Math.max(Math.ceil(left / 8), width === 0 ? 0 : Math.floor((bytes.length - at) / width));
    if (groups > room) throw new RangeError(`${groups * 8} codes for ${left}`);
    const [end, next] = [row + Math.min(groups * 8, left), at + groups * width];
    for (let rest = 0, bits = 0; row < end; row++) {
      for (; bits < width; bits += 8) rest |= byte() << bits;
      codes[row] = rest & mask;
      rest >>>= width;
      bits -= width;
    }
    at = next;
  }
  return codes;
}

/**
 * Thrift's compact protocol, as far as Parquet's footer and page headers use it (`parquet.thrift` of
 * parquet-format). Whole numbers beyond 2^53 do not occur in our files.
 */
export type ThriftValue = number | boolean | Uint8Array | ThriftStruct | ThriftValue[];
export type ThriftStruct = Map<number, ThriftValue>;

const [TRUE, FALSE, I32, I64, BINARY, LIST, STRUCT] = [1, 2, 5, 6, 8, 9, 12];

/** What a field or a list element is written as: the caller knows the schema, the protocol wants the type. */
export type Field =
  | { i32: number }
  | { i64: number }
  | { text: string }
  | { bytes: Uint8Array }
  | { flag: boolean }
  | { struct: Fields }
  | { list: Field[] };
/** Field id → value, ids ascending. */
export type Fields = [id: number, value: Field][];

/** Reads one struct at an offset. @throws RangeError when the bytes end too soon or are no such struct. */
export function readStruct(bytes: Uint8Array, offset: number): { struct: ThriftStruct; end: number } {
  let at = offset;
  const byte = (): number => {
    const value = bytes[at++];
    if (value === undefined) throw new RangeError('thrift: the bytes end too soon');
    return value;
  };
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const next = byte();
      value += (next & 0x7f) * scale;
      if (next < 0x80) return value;
      scale *= 128;
      if (scale > 2 ** 63) throw new RangeError('thrift: a number without end');
    }
  };
  const zigzag = (): number => {
    const value = varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  };
  const binary = (): Uint8Array => {
    const length = varint();
    if (at + length > bytes.length) throw new RangeError('thrift: a text beyond the end');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const list = (depth: number): ThriftValue[] => {
    const head = byte();
    const size = head >> 4 === 15 ? varint() : head >> 4;
    if (size > bytes.length) throw new RangeError('thrift: a list longer than the file');
    const values: ThriftValue[] = [];
    // Booleans in lists take a byte each, unlike those in fields.
    for (let i = 0; i < size; i++) values.push((head & 15) <= FALSE ? byte() === TRUE : value(head & 15, depth));
    return values;
  };
  const value = (type: number, depth: number): ThriftValue => {
    if (depth > 16) throw new RangeError('thrift: too deep');
    if (type === TRUE || type === FALSE) return type === TRUE;
    if (type === 3) return byte();
    if (type === 4 || type === I32 || type === I64) return zigzag();
    if (type === BINARY) return binary();
    if (type === LIST || type === 10) return list(depth + 1);
    if (type === STRUCT) return struct(depth + 1);
    throw new RangeError(`thrift: type ${type} is not used by Parquet's footer`);
  };
  const struct = (depth: number): ThriftStruct => {
    const fields: ThriftStruct = new Map();
    let id = 0;
    for (let head = byte(); head !== 0; head = byte()) {
      id = head >> 4 === 0 ? zigzag() : id + (head >> 4);
      if (id < 0 || id > 32_767) throw new RangeError(`thrift: a field ${id}`);
      fields.set(id, value(head & 15, depth));
    }
    return fields;
  };
  return { struct: struct(0), end: at };
}

/** One struct as bytes. */
export function writeStruct(fields: Fields): Uint8Array {
  let out = Buffer.allocUnsafe(2048);
  let at = 0;
  const room = (size: number) => {
    if (at + size <= out.length) return;
    const grown = Buffer.allocUnsafe(Math.max(out.length * 2, at + size));
    out.copy(grown, 0, 0, at);
    out = grown;
  };
  const varint = (value: number) => {
    room(10);
    let rest = value;
    while (rest >= 128) {
      out[at++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    out[at++] = rest;
  };
  const zigzag = (value: number) => varint(value < 0 ? -2 * value - 1 : 2 * value);
  const binary = (bytes: Uint8Array) => {
    varint(bytes.length);
    room(bytes.length);
    out.set(bytes, at);
    at += bytes.length;
  };
  const content = (field: Field) => {
    if ('i32' in field) zigzag(field.i32);
    else if ('i64' in field) zigzag(field.i64);
    else if ('text' in field) binary(Buffer.from(field.text, 'utf8'));
    else if ('bytes' in field) binary(field.bytes);
    else if ('struct' in field) struct(field.struct);
    else if ('list' in field) {
      room(1);
      const type = field.list[0] ? typeOf(field.list[0]) : STRUCT;
      out[at++] = (Math.min(field.list.length, 15) << 4) | type;
      if (field.list.length >= 15) varint(field.list.length);
      for (const element of field.list) content(element);
    }
  };
  const struct = (all: Fields) => {
    let last = 0;
    for (const [id, field] of all) {
      room(1);
      out[at++] = ((id - last) << 4) | typeOf(field);
      content(field);
      last = id;
    }
    room(1);
    out[at++] = 0;
  };
  struct(fields);
  return out.subarray(0, at);
}

function typeOf(field: Field): number {
  if ('i32' in field) return I32;
  if ('i64' in field) return I64;
  if ('flag' in field) return field.flag ? TRUE : FALSE;
  if ('struct' in field) return STRUCT;
  return 'list' in field ? LIST : BINARY;
}
