#!/bin/sh
# Fetch the OHIF viewer (MIT) and what drives Chromium in its test into build/viewer, once. Needs npm and 200 MB.
set -eu
cd "$(dirname "$0")/.."

VERSION=3.12.10
SHA512=d24b85eba32af5cf5d303fbe6d4b138ccac9a57270699873f41e2e4b6e380dac008d2913c0860553dde9c4fb915108b16918bb4001e517715ed6ab9d06566b98

stop() { echo "mammoseg: $1" >&2; exit 1; }

command -v npm >/dev/null || stop "npm was not found; install it (Debian: apt-get install npm)"
mkdir -p build/viewer
if [ "$(cat build/viewer/ohif/VERSION 2>/dev/null)" != "$VERSION" ]; then
    echo "mammoseg: fetching OHIF $VERSION (about 200 MB)"
    unpacked=$(mktemp -d build/viewer/new.XXXXXX)
    trap 'rm -rf "$unpacked"' EXIT
    npm pack --silent --pack-destination "$unpacked" "@ohif/app@$VERSION" >/dev/null || stop "npm cannot fetch OHIF"
    archive=$unpacked/ohif-app-$VERSION.tgz
    echo "$SHA512  $archive" | sha512sum --check --quiet || stop "OHIF is not the file this project was tested with"
    tar -xzf "$archive" -C "$unpacked" --exclude='*.map'
    echo "$VERSION" >"$unpacked/package/dist/VERSION"
    cp "$unpacked/package/LICENSE" "$unpacked/package/dist/LICENSE"
    rm -rf build/viewer/ohif
    mv "$unpacked/package/dist" build/viewer/ohif
fi
if ! cmp -s tests/viewer/package-lock.json build/viewer/package-lock.json; then
    echo "mammoseg: fetching what drives Chromium in the viewer's test"
    cp tests/viewer/package.json tests/viewer/package-lock.json build/viewer/
    npm ci --prefix build/viewer --ignore-scripts --silent || { rm -f build/viewer/package-lock.json; stop "npm cannot install puppeteer-core"; }
fi
echo "mammoseg: OHIF $VERSION is in build/viewer/ohif; look at files with \`mammoseg view FILE...\`"
