"""Where a result comes from: the hashes, versions and seed that every checkpoint and report carries."""

import json
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mammoseg import __version__
from mammoseg.cores import count_cores
from mammoseg.files import as_printable, hash_file

PACKAGE_FOLDER = Path(__file__).resolve().parent
LOCK_FILE = PACKAGE_FOLDER.parent / "requirements.lock"

PHANTOM_WARNING = "These weights know synthetic phantoms only. What they draw on a real mammogram means nothing."

FILM_WARNING = (
    "These weights were trained on scanned film (CBIS-DDSM), not measured on digital mammograms. "
    "Nobody knows how well they find masses there."
)

WARNINGS = {"phantom": PHANTOM_WARNING, "cbis_ddsm": FILM_WARNING}
"""What must be said of weights, by the source of the data that they were trained on."""


def list_members(provenance: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What each member of a mean of networks says of itself; of other weights, what these say.

    Examples:
        >>> from mammoseg.provenance import list_members
        >>> list_members({"members": [{"source": "phantom"}, {"source": "inbreast"}]})
        [{'source': 'phantom'}, {'source': 'inbreast'}]
        >>> list_members({"source": "phantom"})
        [{'source': 'phantom'}]
    """
    members = provenance.get("members")
    found = [member for member in members if isinstance(member, Mapping)] if isinstance(members, list) else []
    return found or [provenance]


def find_source(provenance: Mapping[str, Any]) -> str | None:
    """The source of the data that weights were trained on, by what `collect_provenance` wrote into them.

    Those of the members of a mean are joined by ``+``, each once.
    """
    return "+".join(_list_sources(provenance)) or None


def find_warning(provenance: Mapping[str, Any]) -> str | None:
    """What must be said wherever such weights are used or given away; None where nothing must."""
    return " ".join(WARNINGS[source] for source in _list_sources(provenance) if source in WARNINGS) or None


def _list_sources(provenance: Mapping[str, Any]) -> list[str]:
    sources = [member.get("source") for member in list_members(provenance)]
    return list(dict.fromkeys(source for source in sources if isinstance(source, str)))


def find_doubt(provenance: Mapping[str, Any]) -> str | None:
    """What must be said of an evaluation whose images the weights may have learned from; None where they did not.

    Args:
        provenance: what an evaluation says of itself: its datalist and section, see `collect_provenance`, and as
            `started_from` its weights, or a list of those whose mean it scores.
    """
    named = provenance.get("started_from")
    weights = [one for one in (named if isinstance(named, list) else [named]) if isinstance(one, Mapping)]
    members = [member for one in weights for member in list_members(one)]
    return next((doubt for member in members if (doubt := _find_doubt(member, provenance))), None)


def _find_doubt(weights: Mapping[str, Any], provenance: Mapping[str, Any]) -> str | None:
    source = find_source(provenance)
    if find_source(weights) != source:
        return None
    if weights.get("datalist_sha256") == provenance.get("datalist_sha256"):
        return _find_doubt_of_split(weights, provenance)
    trained_on = f" They were trained on: {weights['data']}." if isinstance(weights.get("data"), str) else ""
    return (
        f"These weights learned from images of {source} that this datalist did not choose, so they may have seen those "
        f"that are scored here; then this is no score of held-out patients.{trained_on}"
    )


def _find_doubt_of_split(weights: Mapping[str, Any], provenance: Mapping[str, Any]) -> str | None:
    """What must be said of weights of the same datalist; earlier versions did not say of which fold they were."""
    section = provenance.get("section")
    if section == "training":
        return "These weights were trained on what is scored here; this is no score of held-out patients."
    if section != "validation" or "fold" not in weights or "fold" not in provenance:
        return None
    there, here = (_say_fold(told["fold"]) for told in (weights, provenance))
    if there == here:
        return None
    return (
        f"These weights ({there}) were trained on images that are scored here ({here}); "
        "this is no score of held-out patients."
    )


def _say_fold(fold: Any) -> str:
    return f"fold {fold}" if isinstance(fold, int) else "no fold"


def warn_of_doubt(provenance: Mapping[str, Any], *, run: str | None = None) -> None:
    """Say on stderr when the weights may have learned from what was scored.

    Args:
        run: name of the run, where there are several.
    """
    if doubt := find_doubt(provenance):
        print(f"WARNING: {f'{run}: ' if run else ''}{as_printable(doubt)}", file=sys.stderr)


def collect_provenance(
    *,
    bundle_root: Path | str,
    datalist: Path | str,
    seed: int,
    choices: Mapping[str, Any] | None = None,
    encoder: Mapping[str, Any] | None = None,
    started_from: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Hashes of datalist, configs and lock, the seed, the commit and the versions, as JSON values.

    Args:
        bundle_root: folder of the bundle; its ``configs/train.json`` is hashed.
        datalist: the ``datalist.json`` that the run reads.
        seed: seed of the run.
        choices: ``fold`` of the run, and of a training its ``recipe``, ``lr``, ``batch_size`` and ``chosen_on``, the
            section that chooses its weights; None where a config does not say.
        encoder: where the encoder's first weights come from; None for random ones, and where `started_from` says it.
        started_from: where the weights come from that a run starts with, or scores; None where it starts anew.
    """
    root = Path(bundle_root)
    return {
        "bundle": root.resolve().name,
        "source": json.loads(Path(datalist).read_text(encoding="utf-8"))["source"],
        "datalist_sha256": hash_file(Path(datalist)),
        "config_sha256": _hash_if_there(root / "configs" / "train.json"),
        "lock_sha256": _hash_if_there(LOCK_FILE),
        "seed": seed,
        **(choices or {}),
        "encoder": encoder,
        "started_from": started_from,
        "commit": read_current_commit(),
        "versions": {"mammoseg": __version__, **{name: version(name) for name in ("monai", "torch", "numpy")}},
    }


def format_command_line() -> str:
    """The command that started this process, with its folder, so that it can be pasted in any other."""
    return f"cd {shlex.quote(str(Path.cwd()))} && {shlex.join(sys.orig_argv)}"


def describe_machine() -> dict[str, str]:
    """What a result says of the computer that made it; not its name."""
    return {
        "system": platform.platform(),
        "processor": f"{read_processor_name()}, {count_cores()} cores",
        "python": platform.python_version(),
    }


def read_processor_name() -> str:
    """Model of the processor, where the system tells it; else its kind."""
    try:
        told = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        told = None
    return told[1] if told else platform.processor() or platform.machine()


@cache
def read_current_commit() -> str | None:
    """Commit of the checkout that the package runs from, with ``-dirty`` when files differ; None outside a checkout."""
    if not (PACKAGE_FOLDER.parent / ".git").exists():
        return None
    commit = _ask_git("rev-parse", "HEAD")
    return f"{commit}-dirty" if commit and _ask_git("status", "--porcelain", "--untracked-files=no") else commit


def _ask_git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=PACKAGE_FOLDER, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def _hash_if_there(path: Path) -> str | None:
    return hash_file(path) if path.is_file() else None
