"""Bundles on their way out of the repository: self-contained folders, and networks in other runtimes' formats."""
