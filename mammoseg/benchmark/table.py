"""Results of the benchmark of networks as a page of Markdown."""

import statistics
from typing import Any

COLUMNS = (
    "bundle",
    "image",
    "M parameters",
    "GMACs",
    "eager, images/s",
    "accelerated, images/s",
    "times as fast",
    "peak MiB, eager / accelerated",
    "difference",
    "training eager, images/s",
    "channels-last, times as fast",
)


def format_benchmark(results: list[dict[str, Any]]) -> str:
    """One table a device and batch, each with the median over its bundles below; quick runs say that they are."""
    kinds = sorted({(r["device"], r["batch"], r["quick"]) for r in results})
    return "\n\n".join(
        _format_table([r for r in results if (r["device"], r["batch"], r["quick"]) == kind]) for kind in kinds
    )


def _format_table(results: list[dict[str, Any]]) -> str:
    first = results[0]
    header = f"| {' | '.join(COLUMNS)} |"
    rule = "|---|---|" + "--:|" * (len(COLUMNS) - 2)
    title = f"**{first['device']}, batch {first['batch']}{', quick run: no measurement' if first['quick'] else ''}**"
    rows = [_format_row(result) for result in sorted(results, key=lambda result: result["bundle"])]
    return "\n".join([title, "", header, rule, *rows, "", *_summarise(results), *_format_engines(results)])


def _format_engines(results: list[dict[str, Any]]) -> list[str]:
    """A table of what other engines than torch gave, where they were measured; all next to plain eager."""
    names = [name for name in results[0]["inference"] if name.startswith("openvino")]
    if not names:
        return []
    lines = ["", f"| bundle | accelerated | {' | '.join(f'{name} | difference' for name in names)} |"]
    lines.append("|---|" + "--:|" * (1 + 2 * len(names)))
    for result in sorted(results, key=lambda result: result["bundle"]):
        measured = result["inference"]
        cells = [f"{measured['accelerated']['times_as_fast']:.2f}"]
        for name in names:
            cells += [f"{measured[name]['times_as_fast']:.2f}", f"{measured[name]['difference']:.0e}"]
        lines.append(f"| {result['bundle']} | {' | '.join(cells)} |")
    return lines


def _format_row(result: dict[str, Any]) -> str:
    eager, fast = result["inference"]["eager"], result["inference"]["accelerated"]
    train, channels_last = result["training"]["eager"], result["training"]["channels_last"]
    cells = [
        result["bundle"],
        " x ".join(map(str, result["image"])),
        f"{result['parameters'] / 1e6:.1f}",
        f"{result['macs'] / 1e9:.1f}",
        f"{eager['images_per_second']:.2f}",
        f"{fast['images_per_second']:.2f}",
        f"{fast['times_as_fast']:.2f}",
        f"{eager['peak_memory_mib']} / {fast['peak_memory_mib']}",
        f"{fast['difference']:.0e}",
        f"{train['images_per_second']:.2f}",
        f"{channels_last['times_as_fast']:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def _summarise(results: list[dict[str, Any]]) -> list[str]:
    lines = []
    for part in ("inference", "training"):
        for variant in results[0][part]:
            if variant != "eager":
                measured = [(r[part][variant]["times_as_fast"], r["bundle"]) for r in results if variant in r[part]]
                lowest, bundle = min(measured)
                median = statistics.median(times for times, _ in measured)
                lines.append(
                    f"{part.capitalize()}, {variant}: median {median:.2f} times as fast as plain eager over "
                    f"{len(measured)} bundles, lowest {lowest:.2f} ({bundle})."
                )
    return lines
