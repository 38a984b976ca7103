// The licences of the packages whose code lies in the bundles: whoever hands the bundles on has to hand these on, too.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** `node_modules/a/node_modules/@b/c/x.js` → `node_modules/a/node_modules/@b/c` */
const PACKAGE_FOLDER = /^.*\bnode_modules\/(?:@[^/]+\/)?[^/]+/;
const NOTICES = /^(licen[cs]e|notice|copying)(\b|[.-])/i;

/**
 * @param root the folder whose node_modules the bundles were made from
 * @param metafiles what esbuild says of each bundle
 * @returns every bundled package with its licence's own words, by name
 */
export function bundledPackages(root, metafiles) {
  const inputs = metafiles.flatMap(({ outputs }) =>
    Object.values(outputs).flatMap(({ inputs: parts }) =>
      Object.keys(parts).filter((path) => parts[path].bytesInOutput > 0),
    ),
  );
  const folders = new Set(inputs.flatMap((path) => PACKAGE_FOLDER.exec(path)?.[0] ?? []));
  const packages = [...folders].map((folder) => described(join(root, folder)));
  const byName = new Map(packages.map((one) => [`${one.name}@${one.version}`, one]));
  return [...byName.keys()].sort().map((key) => byName.get(key));
}

function described(folder) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = readdirSync(folder).filter((file) => NOTICES.test(file));
  const words = files.sort().map((file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim());
  const by = typeof author === 'string' ? author : author?.name;
  return { name, version, license, words: words.join('\n\n') || `Licence: ${license}${by ? `. By ${by}.` : ''}` };
}

/** Packages with the same words stand above them together. */
export function noticesText(packages) {
  const byWords = new Map();
  for (const { name, version, license, words } of packages)
    byWords.set(words, [...(byWords.get(words) ?? []), `${name} ${version} (${license})`]);
  const parts = [...byWords].map(([words, names]) => `${names.join('\n')}\n\n${words}\n`);
  const head = 'The programs of afterbell contain code of the packages below. Each comes under its own licence.\n';
  return [head, ...parts].join(`\n${'='.repeat(100)}\n\n`);
}
