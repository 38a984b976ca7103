/**
 * Parquet's RLE / bit-packing hybrid (parquet-format, Encodings.md, "RLE = 3"), for dictionary codes and definition
 * levels. Long runs are written as runs, everything else as one bit-packed block.
 */
export function writeHybrid(codes: ArrayLike<number>, width: number): Uint8Array {
  const count = codes.length;
  const valueBytes = Math.ceil(width / 8);
  let runs = count === 0 ? 0 : 1;
  for (let i = 1; i < count; i++) if (codes[i] !== codes[i - 1]) runs++;
  const groups = Math.ceil(count / 8);
  if (runs * (valueBytes + 5) <= groups * width + 5) return writeRuns(codes, runs, valueBytes);
  const out = new Uint8Array(5 + groups * width);
  let at = varint(out, 0, groups * 2 + 1);
  let bits = 0;
  let held = 0;
  for (let i = 0; i < groups * 8; i++) {
    // Arithmetic instead of shifts: width plus seven leftover bits may exceed 31.
    held += (i < count ? codes[i]! : 0) * 2 ** bits;
    bits += width;
    while (bits >= 8) {
      out[at++] = held % 256;
      held = Math.floor(held / 256);
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

/** Reads `count` codes. @throws RangeError when the bytes end before them. */
export function readHybrid(bytes: Uint8Array, width: number, count: number): Int32Array {
  const codes = new Int32Array(count);
  const valueBytes = Math.ceil(width / 8);
  let at = 0;
  for (let row = 0; row < count; ) {
    let header = 0;
    for (let scale = 1; ; scale *= 128) {
      const next = bytes[at++];
      if (next === undefined) throw new RangeError('codes end too soon');
      header += (next & 0x7f) * scale;
      if (next < 128) break;
    }
    if (header % 2 === 0) {
      let value = 0;
      for (let byte = 0; byte < valueBytes; byte++) value += (bytes[at++] ?? Number.NaN) * 256 ** byte;
      if (Number.isNaN(value) || header === 0) throw new RangeError('codes end too soon');
      codes.fill(value, row, row + header / 2);
      row += header / 2;
      continue;
    }
    const size = ((header - 1) / 2) * width;
    if (at + size > bytes.length) throw new RangeError('codes end too soon');
    const packed = Math.min(((header - 1) / 2) * 8, count - row);
    let held = 0;
    let bits = 0;
    let from = at;
    for (let i = 0; i < packed; i++) {
      while (bits < width) {
        held += bytes[from++]! * 2 ** bits;
        bits += 8;
      }
      codes[row++] = held % 2 ** width;
      held = Math.floor(held / 2 ** width);
      bits -= width;
    }
    at += size;
  }
  return codes;
}
