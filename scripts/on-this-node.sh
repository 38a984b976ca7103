#!/usr/bin/env bash
# The quick tests and one whole practice night on the Node that PATH names, with the packages and bundles there are.
set -euo pipefail
echo "Node $(node --version)"
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
AFTERBELL_HOME="$home/night" SYMBOLS=50 HISTORY_SESSIONS=20 node dist/cli/afterbell.mjs night >"$home/night.txt" 2>&1 ||
  { cat "$home/night.txt"; exit 1; }
grep -m 1 '^Succeeded' "$home/night.txt"
# Without the parts that mostly wait for other programs: whole nights, kills, images, Terraform and the rehearsal.
node node_modules/vitest/vitest.mjs run --reporter=dot \
  --exclude 'test/{nights,kills,batch-images,terraform,rehearsal,scripts}/**' \
  --exclude 'test/{cli,docs*,cost*,workflows*,repository*}/**' >"$home/tests.txt" 2>&1 || { cat "$home/tests.txt"; exit 1; }
tail -n 6 "$home/tests.txt"
