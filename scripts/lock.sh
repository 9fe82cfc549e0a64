#!/bin/sh
# Resolve requirements.lock for Python 3.11. torch's CUDA parts are left out (torch brings those that a machine needs) and
# so are sam2 (MONAI Label names it, nothing here uses it, and it would pull its own torch) and openvino-telemetry (only
# tools of OpenVINO that nothing here uses would send with it).
set -eu
cd "$(dirname "$0")/.."
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
grep '^torch==' requirements.lock >"$temporary/constraint"
# No pipe: a shell sees only whether its last command failed.
uv pip compile pyproject.toml --extra deploy --extra label --extra pretrained --extra docs \
    --extra dev --python-version 3.11 --constraint "$temporary/constraint" \
    --no-header --no-annotate --quiet >"$temporary/resolved"
grep -vE '^(nvidia-|cuda-|triton|sam2|openvino-telemetry)' "$temporary/resolved" >"$temporary/kept"
LC_ALL=C sort "$temporary/kept" >requirements.lock.new
mv requirements.lock.new requirements.lock
