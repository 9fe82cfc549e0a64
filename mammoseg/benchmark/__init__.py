"""What the documentation promises of speed and memory, measured; `scripts/benchmark.py` runs it."""
