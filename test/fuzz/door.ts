import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ERROR_NAMES, NamedError } from '../../src/errors.ts';
import { AwsFault } from '../../src/local/aws/protocol.ts';
import { StateFailure } from '../../src/local/states/failure.ts';
import { HANGS_MS } from '../limits.ts';

/** Inputs a door: a few in `make test`, always the same; as many as wanted in `make fuzz`, from a seed that it prints. */
const RUNS = Number(process.env.FUZZ_RUNS || 0);
const SEED = Number(process.env.FUZZ_SEED || 20261130);
const USUAL_RUNS = 120;
/** Of memory, as long as a door is open. */
const MOST_MIB = 512;
/** No message quotes all of what it was given. */
const LONGEST_MESSAGE = 20_000;

export interface Door<Input> {
  inputs: fc.Arbitrary<Input>;
  /**
   * Reads the input and checks what came of it. A named error is as good as a right answer, any other is not.
   * May return what came of it in a word, to be counted.
   */
  enter(input: Input): unknown;
  /** Inputs that once were a defect, by what happened. */
  kept?: Record<string, () => Input>;
  /** For doors that are slow to enter: so much less often in `make test`. */
  slower?: number;
}

/** Throws inputs of every kind at one place where bytes come in from outside. */
export function door<Input>(name: string, { inputs, enter, kept = {}, slower = 1 }: Door<Input>): void {
  describe(name, () => {
    for (const [title, input] of Object.entries(kept))
      test(`${title}: a named error or a right answer`, () => bounded(name, () => outcomeOf(enter, input())));

    const runs = RUNS || Math.ceil(USUAL_RUNS / slower);
    test(`${runs} inputs: a named error or a right answer`, async () => {
      const counts = new Map<string, number>();
      await bounded(name, (beat) =>
        fc.assert(
          fc.asyncProperty(inputs, async (input) => {
            beat();
            const outcome = await outcomeOf(enter, input);
            counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
          }),
          {
            seed: SEED,
            numRuns: runs,
            ...(process.env.FUZZ_PATH && { path: process.env.FUZZ_PATH, endOnFailure: true }),
          },
        ),
      );
      const sorted = [...counts].sort(([, a], [, b]) => b - a).map(([outcome, count]) => `${outcome} ${count}`);
      if (RUNS) console.log(`${name}: ${runs} inputs, seed ${SEED}: ${sorted.join(', ')}`);
    });
  });
}

async function outcomeOf<Input>(enter: (input: Input) => unknown, input: Input): Promise<string> {
  try {
    const outcome = await enter(input);
    return typeof outcome === 'string' ? outcome : 'right';
  } catch (error) {
    const { name, message } = error as Error;
    if (!isNamedError(error)) throw error;
    expect(message.length).toBeLessThan(LONGEST_MESSAGE);
    return name;
  }
}

function isNamedError(error: unknown): boolean {
  if (error instanceof NamedError) return ERROR_NAMES.includes(error.name);
  if (error instanceof AwsFault) return error.status < 500;
  return error instanceof StateFailure && String(error.error).startsWith('States.');
}

/** Fails when memory grows too much, and ends the process, saying where, when one input is not done with for ever. */
async function bounded(name: string, work: (beat: () => void) => Promise<unknown>): Promise<void> {
  const beats = new Int32Array(new SharedArrayBuffer(4));
  const watch = new Worker(WATCH, { eval: true, workerData: { beats, name, everyMs: HANGS_MS / 6, seed: SEED } });
  const before = process.resourceUsage().maxRSS;
  try {
    await work(() => Atomics.add(beats, 0, 1));
  } finally {
    await watch.terminate();
  }
  expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(MOST_MIB);
}

// A thread of its own: what hangs in a loop lets no timer of its own thread fire.
const WATCH = `
  const { workerData: { beats, name, everyMs, seed } } = require('node:worker_threads');
  let last = -1;
  setInterval(() => {
    const now = Atomics.load(beats, 0);
    if (now === last) {
      require('node:fs').writeSync(2, 'HANGS: ' + name + ', input ' + now + ' of seed ' + seed + '\\n');
      process.kill(process.pid, 'SIGKILL');
    }
    last = now;
  }, everyMs);`;

const fraction = fc.nat(2 ** 30 - 1).map((whole) => whole / 2 ** 30);
const edit = fc.record({
  kind: fc.constantFrom('flip', 'set', 'add', 'cut', 'drop', 'repeat', 'insert', 'number'),
  at: fraction,
  value: fc.nat(255),
  size: fc.nat(40),
});

/** Bytes: mostly a valid file with a few changes, sometimes any bytes. Shrinks to fewer changes. */
export function bytesLike(valid: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const changed = fc
    .record({ which: fc.nat(valid.length - 1), edits: fc.array(edit, { maxLength: 5 }) })
    .map(({ which, edits }) => edits.reduce(editBytes, Buffer.from(valid[which]!)));
  return fc.oneof({ weight: 9, arbitrary: changed }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 600 }) });
}

/** Lengths and counts that a reader may believe. */
const NUMBERS = [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x10_0000];

function editBytes(bytes: Buffer, { kind, at, value, size }: typeof edit extends fc.Arbitrary<infer E> ? E : never) {
  const place = Math.floor(at * (bytes.length + 1));
  const join = (...parts: Uint8Array[]) => Buffer.concat(parts);
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
  if (kind === 'cut') return Buffer.from(before);
  if (kind === 'drop') return join(before, after.subarray(size));
  if (kind === 'repeat') return join(before, after.subarray(0, size), after);
  if (kind === 'insert') return join(before, Buffer.alloc(size % 9, value), after);
  if (kind === 'number') {
    const number = Buffer.alloc(4);
    number.writeUInt32LE(NUMBERS[value % NUMBERS.length]!);
    return join(before, number, after.subarray(4));
  }
  if (place < bytes.length) {
    if (kind === 'flip') bytes[place]! ^= 1 << (value & 7);
    else bytes[place] = kind === 'set' ? value : bytes[place]! + 1;
  }
  return bytes;
}

const DEEP = '\uE000deep';
/** What no schema expects: of the wrong type, too long, too deep, or named like something of JavaScript's own. */
const ODD: readonly unknown[] = [
  ...[null, true, false, '', 0, -0, -1, 1, 0.1, 1e21, -1e308, 2 ** 53, 253402300800000, 8.64e15 + 1],
  ...['0', '-1', '1e999', 'NaN', ' ', '__proto__', 'constructor', 'toString', '../../x', '2026-02-30', 'null', '<b>&"'],
  ...['\u0000', '\ud800', '\u202e', '\ufeff', '9'.repeat(400), 'x'.repeat(20_000), 'é'.repeat(300)],
  ...[[], {}, [[]], [null], [0], [{}], { toString: 1, valueOf: 1 }, { length: 1e9 }, { a: { b: [] } }, DEEP],
];
const NAMES = ['__proto__', 'constructor', 'toString', 'length', '', 'x', '\u0000', 'hasOwnProperty'];

const change = fc.record({
  kind: fc.constantFrom('replace', 'replace', 'remove', 'repeat', 'add', 'rename', 'swap'),
  at: fraction,
  value: fc.nat(10_000),
});

/** A JSON text: mostly a valid document with a few wrong parts, sometimes a valid text with a few wrong characters. */
export function jsonLike(valid: readonly unknown[]): fc.Arbitrary<string> {
  const changed = fc
    .record({ which: fc.nat(valid.length - 1), changes: fc.array(change, { maxLength: 4 }) })
    .map(({ which, changes }) => textOf(changes.reduce(changeJson, structuredClone(valid[which]))));
  const texts = textLike(valid.map((one) => JSON.stringify(one)));
  return fc.oneof(
    { weight: 12, arbitrary: changed },
    { weight: 3, arbitrary: texts },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value)) },
  );
}

function textOf(value: unknown): string {
  // Written by hand, because JSON.stringify would run out of stack.
  return (JSON.stringify(value) ?? '').replaceAll(
    JSON.stringify(DEEP),
    () => `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  );
}

type Place = { holder: Record<string, unknown>; name: string };

function changeJson(root: unknown, { kind, at, value }: typeof change extends fc.Arbitrary<infer C> ? C : never) {
  const places: Place[] = [{ holder: { root }, name: 'root' }];
  for (let next = 0; next < places.length && next < 5_000; next++) {
    const { holder, name } = places[next]!;
    const found = holder[name];
    if (typeof found !== 'object' || found === null) continue;
    for (const inner of Object.keys(found)) places.push({ holder: found as Place['holder'], name: inner });
  }
  const top = places[0]!;
  const { holder, name } = places[Math.floor(at * places.length)]!;
  const odd = structuredClone(ODD[value % ODD.length]);
  const found = holder[name];
  if (kind === 'remove') Array.isArray(holder) ? holder.splice(Number(name), 1) : delete holder[name];
  else if (kind === 'repeat' && Array.isArray(holder)) holder.splice(Number(name), 0, structuredClone(found));
  else if (kind === 'add' && Array.isArray(found)) found.push(odd);
  else if (kind === 'add' && typeof found === 'object' && found !== null) put(found, NAMES[value % NAMES.length]!, odd);
  else if (kind === 'rename' && !Array.isArray(holder) && holder !== top.holder) {
    delete holder[name];
    put(holder, NAMES[value % NAMES.length]!, found);
  } else if (kind === 'swap') {
    const other = places[value % places.length]!;
    holder[name] = structuredClone(other.holder[other.name]);
  } else holder[name] = odd;
  return top.holder.root;
}

/** As a property of its own, whatever its name. */
function put(holder: object, name: string, value: unknown): void {
  Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true });
}

const TOKENS = [
  ...[
    '',
    '"',
    "'",
    ',',
    ';',
    '\n',
    '\r\n',
    '\r',
    '\0',
    '\ufeff',
    '\ud800',
    '{',
    '}',
    '[',
    ']',
    ':',
    '\\',
    '=',
    '#',
    '%',
  ],
  ...[
    '1e999',
    '-1',
    '0',
    '9'.repeat(40),
    'NaN',
    '__proto__',
    '{%',
    '%}',
    '--',
    '/*',
    '$$',
    ' ',
    '\u2028',
    '<',
    '&',
    '🎈',
  ],
];
const textEdit = fc.record({
  kind: fc.constantFrom('insert', 'insert', 'cut', 'drop', 'repeat', 'line'),
  at: fraction,
  token: fc.constantFrom(...TOKENS),
  size: fc.nat(60),
});

/** Text: mostly a valid one with a few changes, sometimes any characters. */
export function textLike(valid: readonly string[]): fc.Arbitrary<string> {
  const changed = fc
    .record({ which: fc.nat(valid.length - 1), edits: fc.array(textEdit, { maxLength: 4 }) })
    .map(({ which, edits }) =>
      edits.reduce((text, { kind, at, token, size }) => {
        const place = Math.floor(at * (text.length + 1));
        const [before, after] = [text.slice(0, place), text.slice(place)];
        if (kind === 'cut') return before;
        if (kind === 'drop') return before + after.slice(size);
        if (kind === 'repeat') return before + after.slice(0, size) + after;
        if (kind === 'line') return before.slice(0, before.lastIndexOf('\n') + 1) + after;
        return before + token + after;
      }, valid[which]!),
    );
  return fc.oneof(
    { weight: 9, arbitrary: changed },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }) },
  );
}
