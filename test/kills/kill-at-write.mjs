// Preloaded into a night and every process it starts (`node --import`): writes each write down in one file all of them
// share, and kills the whole process group at the one asked for. The product knows nothing of it.
import childProcess from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { setFlagsFromString } from 'node:v8';

// A small night ends before optimised code would pay.
for (const flag of ['--liftoff-only', '--wasm-lazy-validation', '--no-opt']) setFlagsFromString(flag);

const { KILLS_HOME: home, KILLS_LOG: log, KILLS_AT: asked, KILLS_CLOCK: clock = '0' } = process.env;
const group = process.env.KILLS_GROUP ?? String(process.pid);
const preload = import.meta.url;
/** {phase: 'before' | 'torn' | 'after', write?: label, nth}: the nth of these writes, of all of them without a label. */
const target = asked ? JSON.parse(asked) : undefined;

const { appendFileSync, openSync, readFileSync, readSync, writeFileSync, writeSync } = fs;
const file = openSync(log, 'a+');
let offset = 0;
let counted = 0;
/** Lines of all processes that are read and not counted yet, in order. */
let unread = [];

/** One line a write and phase. A line's place in the file is its number: appends of many processes keep an order. */
function record(phase, label, tear) {
  const id = randomUUID();
  appendFileSync(file, `${phase}\t${label}\t${id}\n`);
  // Not a line further: what others have appended since is counted with this process's next write.
  for (let itsId = ''; itsId !== id; ) {
    const [itsPhase, itsLabel, lineId] = nextLine().split('\t');
    itsId = lineId;
    if (!target || itsPhase !== (target.phase === 'torn' ? 'before' : target.phase)) continue;
    if (target.write !== undefined && itsLabel !== target.write) continue;
    counted += 1;
    if (itsId === id && counted === target.nth) die(target.phase === 'torn' ? tear : undefined);
  }
}

function nextLine() {
  while (unread.length === 0) unread = newLines();
  return unread.shift();
}

function newLines() {
  const chunk = Buffer.alloc(1 << 16);
  const length = readSync(file, chunk, 0, chunk.length, offset);
  const text = chunk.toString('utf8', 0, length);
  const end = text.lastIndexOf('\n') + 1;
  offset += Buffer.byteLength(text.slice(0, end));
  return text.slice(0, end).split('\n').filter(Boolean);
}

function die(tear) {
  tear?.();
  process.kill(-Number(group), 'SIGKILL');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** The path without what differs from run to run, or undefined outside the home and in its logs. */
function nameOf(path) {
  const text = String(path);
  if (!text.startsWith(`${home}/`) || text.startsWith(`${home}/logs/`)) return undefined;
  return text
    .slice(home.length + 1)
    .replace(/(draft-\d+-)?[0-9a-f]{8}-[0-9a-f-]{27}/g, (name) => (name.startsWith('draft') ? 'draft-*' : '*'))
    .replace(/^(warehouse\/pgdata(\.new-\*)?)\/.*/, '$1')
    .replace(/(run|sync|date|symbol)=[^/]*?(?=\/|\.parquet|\.rejected|\.json|\.html|$)/g, '$1=*')
    .replace(/^scratch\/.*/, 'scratch/*')
    .replace(/silver\/.*/, 'silver/*')
    .replace(/silver_\d+d/, 'silver_*d')
    .replace(/lock-[0-9a-f]{24}/, 'lock-*')
    .replace(/page=\d+/, 'page=*');
}

const TEARS = { writeFile: half, copyFile: ([from, to]) => half([to, readFileSync(from)]) };
for (const [name, written] of Object.entries({ writeFile: 0, copyFile: 1, rename: 1, link: 1, unlink: 0, rm: 0 })) {
  const original = fs.promises[name];
  fs.promises[name] = async (...args) => {
    const path = nameOf(args[written]);
    if (path === undefined) return original.apply(fs.promises, args);
    record('before', `${name} ${path}`, TEARS[name] && (() => TEARS[name](args)));
    const result = await original.apply(fs.promises, args);
    record('after', `${name} ${path}`);
    return result;
  };
}

/** Whether the writes below are part of one that is recorded as a whole. */
let whole = false;
// The lake is written by synchronous calls; PGlite's own are seen below, write by write.
for (const [name, written] of Object.entries({ writeFile: 0, rename: 1, link: 1, unlink: 0, rm: 0 })) {
  const original = fs[`${name}Sync`];
  fs[`${name}Sync`] = (...args) => {
    const path = nameOf(args[written]);
    if (path === undefined || path.startsWith('warehouse')) return original.apply(fs, args);
    record('before', `${name} ${path}`, name === 'writeFile' ? () => half(args, original) : undefined);
    whole = true;
    let result;
    try {
      result = original.apply(fs, args);
    } finally {
      whole = false;
    }
    record('after', `${name} ${path}`);
    return result;
  };
}

function half([path, data], write = writeFileSync) {
  const bytes = Buffer.from(data);
  write(path, bytes.subarray(0, bytes.length >> 1));
}

// PGlite writes its files this way.
const paths = new Map();
fs.openSync = (path, ...rest) => {
  const fd = openSync(path, ...rest);
  paths.set(fd, nameOf(path));
  return fd;
};
fs.writeSync = (fd, data, ...rest) => {
  const path = paths.get(fd);
  if (path === undefined || whole) return writeSync(fd, data, ...rest);
  const [from = 0, length = data.byteLength, position] = rest;
  const tear = () => writeSync(fd, data, from, length >> 1, position);
  record('before', `write ${path}`, tear);
  const written = writeSync(fd, data, ...rest);
  record('after', `write ${path}`);
  return written;
};

// What goes to the tables, the warehouse and the bus goes over loopback, from whichever process.
const { end } = http.ClientRequest.prototype;
http.ClientRequest.prototype.end = function (body, ...rest) {
  const label =
    this.method === 'POST' && body ? callOf(String(this.getHeader('x-amz-target') ?? ''), this.path, body) : '';
  if (label) {
    record('before', label);
    this.prependOnceListener('response', (response) => response.once('end', () => record('after', label)));
  }
  return end.call(this, body, ...rest);
};

function callOf(operation, path, body) {
  const name = operation.split('.')[1] ?? '';
  const sent = JSON.parse(Buffer.from(body).toString('utf8'));
  if (path === '/Execute') {
    const [statement] = sent.sql.match(/(INSERT INTO|UPDATE|CREATE (TABLE|INDEX) IF NOT EXISTS) \w+/) ?? [''];
    return statement;
  }
  if (name === 'PutEvents') return name;
  if (name === 'BatchWriteItem') return `${name} ${Object.keys(sent.RequestItems).map(tableOf)}`;
  if (!['PutItem', 'UpdateItem', 'DeleteItem', 'CreateTable'].includes(name)) return '';
  const table = sent.TableName === undefined ? '' : tableOf(sent.TableName);
  // In other tables an id is the vendor's.
  const id = table === 'runs' ? (sent.Item ?? sent.Key)?.id?.S?.replace(/#\d{4}-.*|(?<=^SPENT)#.*/, '#*') : '';
  return `${name} ${table} ${id ?? ''}`.trim();
}

function tableOf(name) {
  return name.split('-').at(-1);
}

for (const name of ['spawn', 'fork']) {
  const original = childProcess[name];
  childProcess[name] = (program, args, options = {}) => {
    const env = { ...options.env, NODE_OPTIONS: `--import ${preload}`, KILLS_GROUP: group };
    for (const key of ['KILLS_HOME', 'KILLS_LOG', 'KILLS_AT', 'KILLS_CLOCK']) {
      if (process.env[key] !== undefined) env[key] = process.env[key];
    }
    return original.call(childProcess, program, args, { ...options, env });
  };
}
syncBuiltinESMExports();

// A clock that stands at the same day in every run of the suite, and goes on.
const Real = Date;
const shift = Number(clock);
globalThis.Date = class Shifted extends Real {
  constructor(...args) {
    if (args.length === 0) super(Real.now() + shift);
    else super(...args);
  }
  static now() {
    return Real.now() + shift;
  }
};
