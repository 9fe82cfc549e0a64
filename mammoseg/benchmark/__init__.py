"""Time and memory of the networks of all bundles, next to plain eager PyTorch; `scripts/benchmark.py` runs it."""
