import { createHash, randomUUID } from 'node:crypto';

/** A function Step Functions adds to JSONata, with its signature in JSONata's own notation. */
export interface AddedFunction {
  implementation: (...args: never[]) => unknown;
  signature: string;
}

/**
 * The six functions Step Functions adds to JSONata 2.0.6. Source: AWS, "Transforming data with JSONata", and
 * published measurements of edge cases: numbers are cut towards zero; an empty array, a zero chunk, a missing or
 * contrary step and a missing algorithm give nothing; a range of one element is that element.
 */
export const ADDED_FUNCTIONS: Readonly<Record<string, AddedFunction>> = {
  parse: { implementation: parse, signature: '<s:x>' },
  hash: { implementation: hash, signature: '<ss?:s>' },
  uuid: { implementation: () => randomUUID(), signature: '<:s>' },
  range: { implementation: range, signature: '<nnn?:x>' },
  partition: { implementation: partition, signature: '<an?:a>' },
  random: { implementation: random, signature: '<n?:n>' },
};

/** Names JSONata 2.0.6 itself defines, without `eval`, which Step Functions refuses. */
export const JSONATA_FUNCTIONS: ReadonlySet<string> = new Set(
  (
    'sum count max min average string substring substringBefore substringAfter lowercase uppercase length trim pad ' +
    'match contains replace split join formatNumber formatBase formatInteger parseInteger number floor ceil round ' +
    'abs sqrt power random boolean not map zip filter single reduce sift keys lookup append exists spread merge ' +
    'reverse each error assert type sort shuffle distinct base64encode base64decode encodeUrlComponent encodeUrl ' +
    'decodeUrlComponent decodeUrl toMillis fromMillis clone now millis'
  ).split(' '),
);

const DIGESTS: Readonly<Record<string, string>> = {
  MD5: 'md5',
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
};

function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`$parse was given text that is not JSON: ${(error as Error).message}`);
  }
}

function hash(text: string | undefined, algorithm: string | undefined): string | undefined {
  if (text === undefined || algorithm === undefined) return undefined;
  const digest = DIGESTS[algorithm];
  if (digest === undefined) {
    throw { code: 'D3137', message: `$hash knows ${Object.keys(DIGESTS).join(', ')}; found ${algorithm}` };
  }
  return createHash(digest).update(text, 'utf8').digest('hex');
}

function range(start?: number, end?: number, step?: number): number[] | number | undefined {
  if (start === undefined || end === undefined || step === undefined) return undefined;
  const [from, to, by] = [Math.trunc(start), Math.trunc(end), Math.trunc(step)];
  if (by === 0 || (to - from) * by < 0) return undefined;
  const values = Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, index) => from + index * by);
  return values.length === 1 ? values[0] : values;
}

function partition(items: unknown[] | undefined, size?: number): unknown[][] | undefined {
  if (items === undefined || items.length === 0) return undefined;
  const chunk = size === undefined ? items.length : Math.trunc(size);
  if (chunk < 0) throw { code: 'D3137', message: 'Second argument must be zero or greater' };
  if (chunk === 0) return undefined;
  const chunks: unknown[][] = [];
  for (let index = 0; index < items.length; index += chunk) chunks.push(items.slice(index, index + chunk));
  return chunks;
}

/** With a seed, java.util.Random's first nextDouble(), which is what Step Functions returns for it. */
function random(seed?: number): number {
  if (seed === undefined) return Math.random();
  const mask = (1n << 48n) - 1n;
  const step = (state: bigint): bigint => (state * 0x5deece66dn + 0xbn) & mask;
  const first = step((BigInt(Math.trunc(seed)) ^ 0x5deece66dn) & mask);
  const second = step(first);
  return (Number(first >> 22n) * 2 ** 27 + Number(second >> 21n)) / 2 ** 53;
}
