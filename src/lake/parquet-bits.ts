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

/**
 * Reads `count` codes.
 * @param room for them, not shorter than they are
 * @throws RangeError when the bytes end before them, or hold more than them
 */
export function readHybrid(
  bytes: Uint8Array,
  width: number,
  count: number,
  room = new Int32Array(count),
): Int32Array<ArrayBuffer> {
  if (width > 24) throw new RangeError(`${width} bits a code`);
  const codes = room.length === count ? room : room.subarray(0, count);
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

const [TRUE, FALSE, BYTE, I16, I32, I64, BINARY, LIST, SET, STRUCT] = [1, 2, 3, 4, 5, 6, 8, 9, 10, 12];

/** Fields of a struct that are wanted, each with those of its own structs or of its list's; `true` = whole. */
export interface Wanted {
  [id: number]: Wanted | true;
}

/**
 * Reads one struct at an offset.
 * @param wanted what to make values of; the rest is only passed over. Undefined: everything
 * @throws RangeError when the bytes end too soon or are no such struct.
 */
export function readStruct(bytes: Uint8Array, offset: number, wanted?: Wanted): { struct: ThriftStruct; end: number } {
  const reader = new ThriftReader(bytes, offset);
  return { struct: reader.struct(wanted ?? true, 0), end: reader.at };
}

class ThriftReader {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
  ) {}

  struct(wanted: Wanted | true, depth: number): ThriftStruct {
    const fields: ThriftStruct = new Map();
    let id = 0;
    for (let head = this.byte(); head !== 0; head = this.byte()) {
      id = head >> 4 === 0 ? this.zigzag() : id + (head >> 4);
      if (id < 0 || id > 32_767) throw new RangeError(`thrift: a field ${id}`);
      const inner = wanted === true ? true : wanted[id];
      if (inner === undefined) this.pass(head & 15, depth);
      else fields.set(id, this.value(head & 15, inner, depth));
    }
    return fields;
  }

  private value(type: number, wanted: Wanted | true, depth: number): ThriftValue {
    if (depth > 16) throw new RangeError('thrift: too deep');
    if (type === TRUE || type === FALSE) return type === TRUE;
    if (type === BYTE) return this.byte();
    if (type === I16 || type === I32 || type === I64) return this.zigzag();
    if (type === BINARY) {
      const end = this.endOfText();
      const text = this.bytes.subarray(this.at, end);
      this.at = end;
      return text;
    }
    if (type === STRUCT) return this.struct(wanted, depth + 1);
    const { size, element } = this.list(type);
    const values: ThriftValue[] = [];
    for (let i = 0; i < size; i++)
      // Booleans in lists take a byte each, unlike those in fields.
      values.push(element <= FALSE ? this.byte() === TRUE : this.value(element, wanted, depth + 1));
    return values;
  }

  /** Reads a value that nobody wants. */
  private pass(type: number, depth: number): void {
    if (depth > 16) throw new RangeError('thrift: too deep');
    if (type === TRUE || type === FALSE) return;
    if (type === BYTE) this.byte();
    else if (type === I16 || type === I32 || type === I64) this.zigzag();
    else if (type === BINARY) this.at = this.endOfText();
    else if (type === STRUCT) {
      for (let head = this.byte(); head !== 0; head = this.byte()) {
        if (head >> 4 === 0) this.zigzag();
        this.pass(head & 15, depth + 1);
      }
    } else {
      const { size, element } = this.list(type);
      for (let i = 0; i < size; i++)
        if (element <= FALSE) this.byte();
        else this.pass(element, depth + 1);
    }
  }

  private list(type: number): { size: number; element: number } {
    if (type !== LIST && type !== SET) throw new RangeError(`thrift: type ${type} is not used by Parquet's footer`);
    const head = this.byte();
    const size = head >> 4 === 15 ? this.varint() : head >> 4;
    if (size > this.bytes.length) throw new RangeError('thrift: a list longer than the file');
    return { size, element: head & 15 };
  }

  private byte(): number {
    const value = this.bytes[this.at++];
    if (value === undefined) throw new RangeError('thrift: the bytes end too soon');
    return value;
  }

  private varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const next = this.byte();
      value += (next & 0x7f) * scale;
      if (next < 0x80) return value;
      scale *= 128;
      if (scale > 2 ** 63) throw new RangeError('thrift: a number without end');
    }
  }

  private zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  private endOfText(): number {
    const length = this.varint();
    if (this.at + length > this.bytes.length) throw new RangeError('thrift: a text beyond the end');
    return this.at + length;
  }
}

/**
 * Bytes one behind the other, of which structs are written field by field, ids ascending. Its memory is used again by the
 * next file: thousands of a hundred kilobytes each would be most of a job's garbage.
 */
export class FileWriter {
  at = 0;
  private memory = Buffer.allocUnsafeSlow(1 << 16);
  /** Of each open struct the id of its last field. */
  private ids: number[] = [];

  begin(): void {
    this.at = 0;
    this.ids = [];
  }

  /** What was written since `begin`, until the next one. */
  written(): Uint8Array {
    return this.memory.subarray(0, this.at);
  }

  raw(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.memory.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** A struct that is no field: a whole one, or an element of a list. */
  struct(): void {
    this.ids.push(0);
  }

  end(): void {
    this.ids.pop();
    this.byte(0);
  }

  structField(id: number): void {
    this.head(id, STRUCT);
    this.struct();
  }

  i32(id: number, value: number): void {
    this.head(id, I32);
    this.zigzag(value);
  }

  i64(id: number, value: number): void {
    this.head(id, I64);
    this.zigzag(value);
  }

  bytes(id: number, bytes: Uint8Array): void {
    this.head(id, BINARY);
    this.varint(bytes.length);
    this.raw(bytes);
  }

  flag(id: number, flag: boolean): void {
    this.head(id, flag ? TRUE : FALSE);
  }

  structs(id: number, count: number): void {
    this.list(id, STRUCT, count);
  }

  i32s(id: number, values: readonly number[]): void {
    this.list(id, I32, values.length);
    for (const value of values) this.zigzag(value);
  }

  texts(id: number, texts: readonly Uint8Array[]): void {
    this.list(id, BINARY, texts.length);
    for (const text of texts) {
      this.varint(text.length);
      this.raw(text);
    }
  }

  private list(id: number, type: number, count: number): void {
    this.head(id, LIST);
    this.byte((Math.min(count, 15) << 4) | type);
    if (count >= 15) this.varint(count);
  }

  private head(id: number, type: number): void {
    const last = this.ids.length - 1;
    this.byte(((id - this.ids[last]!) << 4) | type);
    this.ids[last] = id;
  }

  private zigzag(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  private varint(value: number): void {
    this.room(10);
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.memory[this.at++] = (rest % 128) + 128;
    this.memory[this.at++] = rest;
  }

  private byte(value: number): void {
    this.room(1);
    this.memory[this.at++] = value;
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.memory.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.memory.length * 2, this.at + bytes));
    this.memory.copy(grown, 0, 0, this.at);
    this.memory = grown;
  }
}
