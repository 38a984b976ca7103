// `make install` and `make uninstall`: PREFIX/bin/afterbell, a link that runs this checkout. Touches no file of anybody else.
import { existsSync, lstatSync, mkdirSync, readlinkSync, realpathSync, symlinkSync, unlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const { PREFIX, PATH = '' } = process.env;
const program = fileURLToPath(new URL('../dist/cli/afterbell.mjs', import.meta.url));
const prefix = PREFIX ? PREFIX.replace(/^~(?=\/|$)/, homedir()) : join(homedir(), '.local');
const folder = resolve(prefix, 'bin');
const launcher = join(folder, 'afterbell');

const verbs = { install, uninstall };
const verb = process.argv[2];
try {
  verbs[verb]();
} catch (error) {
  const reason = error.code ? unusable(error) : error.message;
  process.stderr.write(`${reason}\n`);
  process.exitCode = 1;
}

function install() {
  const there = found();
  if (there === undefined) {
    makeFolder(folder);
    // Fails where something has come meanwhile.
    symlinkSync(program, launcher);
  } else if (!there.own) throw new Error(foreign(there));
  console.log(`${launcher} runs this checkout: ${program}`);
  console.log('It stays right after git pull and make build. Remove it with: make uninstall');
  const first = PATH.split(delimiter)
    .filter((path) => path !== '' && !path.endsWith('node_modules/.bin'))
    .map((path) => join(path, 'afterbell'))
    .find((path) => existsSync(path));
  if (first === undefined)
    console.log(`${folder} is not on your PATH. Add this line to the profile of your shell, and open a new one:
  export PATH=${shellWord(folder)}:"$PATH"`);
  else if (realpathSync(first) !== realpathSync(program))
    console.log(`Your PATH has another program of that name first, ${first}: it is what \`afterbell\` starts.`);
}

function uninstall() {
  const there = found();
  if (there === undefined) return console.log(`Nothing to remove: there is no ${launcher}`);
  if (!there.own) throw new Error(foreign(there));
  unlinkSync(launcher);
  console.log(`Removed ${launcher}`);
}

/** One by one: below /proc, where nothing can be made, `recursive` never ends in Node 20. */
function makeFolder(path) {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}

/** What is at the launcher's place, and whether it is the link that `make install` of this checkout makes. */
function found() {
  const stats = lstatSync(launcher, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (!stats.isSymbolicLink()) return { what: stats.isDirectory() ? 'a folder' : 'a file', own: false };
  const to = resolve(dirname(launcher), readlinkSync(launcher));
  return { what: `a link to ${to}`, own: to === program || (existsSync(to) && sameFile(to, program)) };
}

function sameFile(one, other) {
  return existsSync(other) && realpathSync(one) === realpathSync(other);
}

function foreign({ what }) {
  const instead =
    verb === 'install' ? 'Move it away, or name another folder: make install PREFIX=FOLDER' : 'Remove it yourself.';
  return `${launcher} is not of this checkout; found ${what}; wanted a link to ${program}. Nothing was changed. ${instead}`;
}

function unusable({ code, message, path = folder }) {
  const reasons = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'read-only',
    ENOTDIR: 'a file is in the way',
  };
  const todo = `Name a folder that you can write to: make ${verb} PREFIX=FOLDER (now ${prefix})`;
  return `${launcher} cannot be ${verb === 'install' ? 'made' : 'removed'}; found ${path}: ${reasons[code] ?? message}. Nothing was changed. ${todo}`;
}

function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
