#!/bin/sh
# Set up .venv from requirements.lock; `make demo` and `make test` call it. Run again, it mends what is there.
set -eu
cd "$(dirname "$0")/.."

stop() { echo "mammoseg: $1" >&2; exit 1; }

for candidate in "${PYTHON:-python3.11}" python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then python=$candidate; break; fi
done
[ -n "${python:-}" ] || stop "Python 3.11 is needed and was not found; install it (Debian: apt-get install python3.11 python3.11-venv) or name it: make PYTHON=/path/to/python3.11"
"$python" -c 'import ensurepip, venv' 2>/dev/null || stop "this Python cannot make environments; install its venv module (Debian: apt-get install python3.11-venv)"

say() { echo "mammoseg: $1"; }

say "setting up .venv from requirements.lock, once: about 1 GB to fetch with CPU torch (5 GB with CUDA's), a few minutes"
.venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv
# Its output stays in a file, so a line every half minute says that it goes on; the sleep must not hold a pipe open.
beat=
trap '[ -z "$beat" ] || kill "$beat"' EXIT
pip() {
    while sleep 30 >/dev/null 2>&1; do say "    ... $(du -sh .venv | cut -f1) so far"; done & beat=$!
    .venv/bin/python -m pip --disable-pip-version-check "$@" 2>.venv/pip.log || { cat .venv/pip.log >&2; stop "pip could not install the locked packages; its message stands above"; }
    kill "$beat"; beat=
}
packages=$(grep -c '==' requirements.lock)
say "1/3 torch"
# torch first, by itself, with its own dependencies: pip takes a CPU file where there is one, CUDA's libraries elsewhere.
pip install --quiet "$(grep '^torch==' requirements.lock)"
say "2/3 the other $((packages - 1)) packages"
pip install --quiet --no-deps --requirement requirements.lock
say "3/3 mammoseg itself, and the weights that ship as OpenVINO reads them"
pip install --quiet --no-deps --no-build-isolation --editable .
.venv/bin/python -W ignore scripts/convert_shipped.py >/dev/null 2>.venv/convert.log || { cat .venv/convert.log >&2; stop "the weights that ship could not be converted; the message stands above"; }
touch .venv/.ready
say ".venv is ready, $(du -sh .venv | cut -f1)"
