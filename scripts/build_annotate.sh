#!/bin/sh
# Build the page to annotate (monailabel_app/annotate/built) for the label server: npm from the lock file, once.
set -eu
cd "$(dirname "$0")/../monailabel_app/annotate"

stop() { echo "mammoseg: $1" >&2; exit 1; }

command -v npm >/dev/null || stop "npm was not found; install it (Debian: apt-get install npm)"
if ! cmp -s package-lock.json node_modules/.of-this-lock; then
    echo "mammoseg: fetching what the page to annotate is built of (about 160 MB)"
    npm ci --ignore-scripts --no-audit --no-fund --silent || stop "npm cannot install the packages of monailabel_app/annotate"
    cp package-lock.json node_modules/.of-this-lock
fi
npm run --silent build || stop "the page to annotate cannot be built"
echo "mammoseg: the page is in monailabel_app/annotate/built; \`make label\` opens it"
