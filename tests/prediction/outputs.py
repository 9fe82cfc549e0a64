"""What a run of `predict` left behind."""

import csv


def rows_of(output):
    with (output / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".mammoseg")
