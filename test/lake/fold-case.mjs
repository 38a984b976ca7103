// Loaded into a command and every process it starts: below FOLD_ROOT a name is found whatever its case, as on the disk
// of a Mac, and keeps the case it was made with. The product knows nothing of it.
import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const root = process.env.FOLD_ROOT;
const preload = import.meta.url;
const { readdirSync } = fs;

function found(path) {
  if (typeof path !== 'string' || !path.startsWith(`${root}/`)) return path;
  let at = root;
  for (const part of path.slice(root.length + 1).split('/')) {
    const names = namesIn(at);
    const same = (name) => name.toLowerCase() === part.toLowerCase();
    at = `${at}/${names.includes(part) ? part : (names.find(same) ?? part)}`;
  }
  return at;
}

function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const NAMES =
  'access copyFile existsSync link lstat mkdir open opendir readFile readdir rename rm rmdir stat unlink utimes writeFile appendFile';
for (const name of NAMES.split(' ')) {
  for (const [owner, key] of [
    [fs, name],
    [fs, `${name}Sync`],
    [fs.promises, name],
  ]) {
    const original = owner[key];
    if (typeof original !== 'function') continue;
    owner[key] = (first, second, ...rest) => {
      const args = second === undefined && rest.length === 0 ? [found(first)] : [found(first), found(second), ...rest];
      return original.apply(owner, args);
    };
  }
}

for (const name of ['spawn', 'fork']) {
  const original = childProcess[name];
  childProcess[name] = (program, args, options = {}) => {
    const more = `${options.env?.NODE_OPTIONS ?? ''} --import ${preload}`.trim();
    const env = { ...options.env, NODE_OPTIONS: more, FOLD_ROOT: root };
    return original.call(childProcess, program, args, { ...options, env });
  };
}
syncBuiltinESMExports();
