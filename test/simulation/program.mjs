// Bundles simulator and subject, and runs seeds: node test/simulation/program.mjs FROM TO [verbose]
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleSimulator, bundleSubject } from './bundle.mjs';

const cache = fileURLToPath(new URL('../../node_modules/.cache/simulation/', import.meta.url));
mkdirSync(cache, { recursive: true });
writeFileSync(`${cache}subject.json`, JSON.stringify(await bundleSubject()));
writeFileSync(`${cache}simulator.mjs`, await bundleSimulator('main.ts'));
const args = [`${cache}simulator.mjs`, `${cache}subject.json`, ...process.argv.slice(2)];
process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
