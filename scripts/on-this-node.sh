#!/usr/bin/env bash
# One whole practice night, and the tests of what an engine could do differently, on the Node that PATH names, with the
# packages and bundles there are. The night installs nothing, loads every native module and runs every function and job.
set -euo pipefail
echo "Node $(node --version)"
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
AFTERBELL_HOME="$home/night" SYMBOLS=50 HISTORY_SESSIONS=20 node dist/cli/afterbell.mjs night >"$home/night.txt" 2>&1 ||
  { cat "$home/night.txt"; exit 1; }
grep -m 1 '^Succeeded' "$home/night.txt"
# lake, jobs: codecs, typed arrays, streams, hashes, file handles, DuckDB. vendors: fetch, aborts, gzip. calendar: Intl and
# dates. local: workers, child processes, servers, PGlite's WebAssembly, dynalite, JSONata. The rest is plain reckoning, or
# waits for other programs; `make test` has it.
node node_modules/vitest/vitest.mjs run --reporter=dot \
  test/{calendar,lake,jobs,vendors,tables,warehouse,conformance}/ test/local/ \
  --exclude 'test/local/market/**' >"$home/tests.txt" 2>&1 || { cat "$home/tests.txt"; exit 1; }
tail -n 6 "$home/tests.txt"
