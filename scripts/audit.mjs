// The supply chain, from outside: what the lock file names installs on every platform with the very bytes it names,
// the parts list is written, and the registry's signatures are checked where the registry publishes its keys.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Besides the platform at hand: what the job images run on, and what people develop on. */
const PLATFORMS = [
  { os: 'linux', cpu: 'arm64', libc: 'glibc' },
  { os: 'darwin', cpu: 'arm64' },
  { os: 'win32', cpu: 'x64' },
];

for (const { os, cpu, libc } of PLATFORMS) {
  const folder = mkdtempSync(join(tmpdir(), 'afterbell-audit-'));
  try {
    for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(root, file), join(folder, file));
    const platform = [`--os=${os}`, `--cpu=${cpu}`, ...(libc ? [`--libc=${libc}`] : [])];
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...platform], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const engine = `node_modules/@duckdb/node-bindings-${os}-${cpu}/package.json`;
    const { version } = JSON.parse(readFileSync(join(folder, engine), 'utf8'));
    console.log(`install ${os}-${cpu}: every hash matches, DuckDB ${version}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What runs: packages that are installed with ours, and those whose code lies in its bundles. */
const sbom = JSON.parse(
  execFileSync('npm', ['sbom', '--sbom-format=cyclonedx'], { cwd: root, maxBuffer: 64 << 20 }).toString(),
);
const bundled = new Set(JSON.parse(readFileSync(join(root, 'dist/bundled.json'), 'utf8')));
const forDevelopers = ({ properties = [] }) =>
  properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true');
sbom.components = sbom.components.filter((part) => !forDevelopers(part) || bundled.has(part['bom-ref']));
const kept = new Set([sbom.metadata.component, ...sbom.components].map((part) => part['bom-ref']));
sbom.dependencies = sbom.dependencies
  .filter(({ ref }) => kept.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => kept.has(other)) }));
writeFileSync(join(root, 'dist/sbom.cdx.json'), `${JSON.stringify(sbom, null, 2)}\n`);
console.log(`parts list: dist/sbom.cdx.json, ${sbom.components.length} packages (CycloneDX ${sbom.specVersion})`);

const signatures = spawnSync('npm', ['audit', 'signatures', '--fetch-retries=0'], { cwd: root, encoding: 'utf8' });
const said = `${signatures.stdout}${signatures.stderr}`;
if (signatures.status === 0) console.log(`signatures: ${said.trim().split('\n').at(-1)}`);
else if (/network|ENOTFOUND|ECONNREFUSED|E40[0-9]|no .*signing keys/i.test(said))
  console.log('SKIPPED: npm audit signatures, this registry publishes no signing keys that can be reached from here');
else {
  process.stderr.write(said);
  process.exit(1);
}
