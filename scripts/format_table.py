"""Write every bundle's network in every format, compare it with PyTorch, and put the table into docs/export.md.

Usage: python scripts/format_table.py [--bundles unet,aunet] [--output FILE]

Networks have their full width and random weights; images are small, so that it takes minutes and not hours.
"""

import tempfile
from pathlib import Path

import torch
from checkout import ROOT
from monai.bundle import ConfigParser
from monai.utils import ensure_tuple

from mammoseg.benchmark.trained_like import make_trained_like
from mammoseg.bundles import list_bundle_names, render
from mammoseg.command_line import run_script
from mammoseg.deploy.formats import FORMATS, Probabilities, write_formats
from mammoseg.errors import MammosegError
from mammoseg.files import atomic_path
from mammoseg.networks import Network

PAGE = ROOT / "docs" / "export.md"
SIDE = 128
"""Of the images; every network takes it. An export checks its files at the size that it is for."""

MARK = "<!-- table of scripts/format_table.py -->\n"


def format_table(bundles: tuple[str, ...] | str = (), output: str = str(PAGE)) -> None:
    """Fill the table between the two marks of a page.

    Args:
        bundles: bundles whose rows are measured, the others stay as they are; all when none is named.
        output: page to write.
    """
    before, table, after = Path(output).read_text(encoding="utf-8").split(MARK)
    rows = {line.split("`")[1]: line for line in table.splitlines() if "`" in line}
    for name in ensure_tuple(bundles) or list_bundle_names():
        rows[name] = format_row(name)
        print(rows[name], flush=True)
    head = ["| bundle | image | probabilities | " + " | ".join(FORMATS) + " |", "|---|---|---|" + "---|" * len(FORMATS)]
    lines = [*head, *(rows[name] for name in sorted(rows))]
    with atomic_path(Path(output)) as temporary:
        temporary.write_text(MARK.join([before, "\n".join(lines) + "\n", after]), encoding="utf-8")


def format_row(name: str) -> str:
    """Largest difference from PyTorch in each format and size of the file; or the reason why there is none."""
    torch.manual_seed(0)
    parser = ConfigParser(render(name)["train"])
    network = parser.get_parsed_content("network_def")
    image = torch.rand(1, network.config["in_channels"], SIDE, SIDE)
    make_trained_like(network, image)
    network.eval()
    with torch.no_grad():
        probability = Probabilities(network).eval()(image)
    cells = [format_cell(network, format) for format in FORMATS]
    spread = f"{probability.min():.2f} to {probability.max():.2f}"
    return f"| `{name}` | {' x '.join(str(side) for side in image.shape[1:])} | {spread} | {' | '.join(cells)} |"


def format_cell(network: Network, format: str) -> str:
    """One entry of the table."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            difference = write_formats(network, [format], size=(SIDE, SIDE), folder=Path(folder))[format]
        except (MammosegError, RuntimeError) as error:
            return f"no: {type(error).__name__}: {str(error).splitlines()[0]}"
        megabytes = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
    return f"{difference:.0e} ({megabytes:.0f} MB)"


if __name__ == "__main__":
    run_script(format_table)
