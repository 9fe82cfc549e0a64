#!/bin/sh
# Run the quick tests with the newest or the lowest releases that pyproject.toml allows: `make test-newest`, `make test-lowest`.
# Needs uv. torch is that of requirements.lock, and what only MONAI Label or the documentation needs is left out, as the
# former holds other packages back: so the tests of the label server do not run here.
set -eu
cd "$(dirname "$0")/.."
case "$1" in
    newest) resolution=highest ;;
    lowest) resolution=lowest-direct ;;
    *) echo "mammoseg: name newest or lowest" >&2; exit 2 ;;
esac
environment=build/$1
mkdir -p build
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
constraint=$temporary/constraint
grep '^torch==' requirements.lock >"$constraint"
# No pipe: a shell sees only whether its last command failed.
uv pip compile pyproject.toml --extra deploy --extra pretrained --python-version 3.11 --constraint "$constraint" \
    --resolution "$resolution" --no-header --no-annotate --quiet >"$temporary/resolved"
grep -vE '^(nvidia-|cuda-|triton|openvino-telemetry|torch==)' "$temporary/resolved" >"$environment.txt"
# What the tests themselves need stays as it is locked.
grep -E '^(cloudpickle|dcmqi|hypothesis|iniconfig|joblib|narwhals|pluggy|pygments|pytest|scikit-learn|simpleitk|sortedcontainers|threadpoolctl)==' \
    requirements.lock >>"$environment.txt"
uv venv --quiet --clear --seed --python 3.11 "$environment"
"$environment/bin/python" -m pip install --quiet "$(cat "$constraint")"
uv pip install --quiet --python "$environment/bin/python" --no-deps --requirement "$environment.txt"
uv pip install --quiet --python "$environment/bin/python" --no-deps --no-build-isolation --editable .
# Left out: what needs the label server, in this process or in one of its own, and what names the releases of the lock.
ignored=$(
    {
        grep -rlE '^(from|import) (monailabel|monailabel_app|starlette|pydantic|tests\.label)' tests --include='test_*.py'
        echo tests/label tests/test_compat.py tests/hostile/test_attack.py tests/kill/test_label_server.py tests/deploy/test_export_accepted.py
        echo tests/test_conformance.py tests/deploy/test_runtime_distribution.py
    } | tr ' ' '\n' | sed 's/^/--ignore=/'
)
# shellcheck disable=SC2086  # one word a file
PYTHONPATH=. exec "$environment/bin/python" -m pytest $ignored
