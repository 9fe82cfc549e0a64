"""What a training reads and writes: its job, its data as the package's own datalist, its log."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mammoseg.checkpoints.weights_file import TRAINED
from mammoseg.csv_table import read_csv
from mammoseg.data.datalist import DATALIST, SECTIONS, write_datalist
from mammoseg.data.identifiers import hash_with_key
from mammoseg.data.mask_files import write_mask
from mammoseg.data.masks import read_mask
from mammoseg.data.splits import extend_split
from mammoseg.errors import MammosegError
from mammoseg.files import hash_file, hash_json, write_json
from mammoseg.folders import is_file
from mammoseg.mammogram import MODALITIES

FEWEST_TRAINING = 2
"""Images for training, below which no batch can be made of different ones."""


class TooFewLabelsError(MammosegError):
    """There is not enough to learn from."""


@dataclass(frozen=True)
class TrainJob:
    """One training, as the process that does it reads it.

    Attributes:
        folder: folder of everything it writes.
        data: folder of the ``datalist.json``.
        start_from: checkpoint to go on from; None starts anew.
        served: weights that the new ones are compared with, a file or a folder; None where none are served.
        parent: number of their version.
        recipe: one of `mammoseg.training.workflow.RECIPES`.
        runtime, precision, flips: how the weights before and after are scored, which is how they are served, see
            `mammoseg.inference.predictor.Predictor`; so what may be served is converted.
        overrides: values instead of those of the bundle's config.
    """

    bundle: str
    folder: Path
    data: Path
    start_from: str | None
    served: str | None = None
    parent: int | None = None
    recipe: str = "paper"
    device: str | None = None
    modalities: Sequence[str] = MODALITIES
    runtime: str = "torch"
    precision: str | None = None
    flips: bool | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def weights(self) -> Path:
        """The best weights of the training."""
        return self.folder / "models" / TRAINED

    @property
    def result(self) -> Path:
        """What came out, written last."""
        return self.folder / "result.json"

    @property
    def log(self) -> Path:
        """The course of the training, a line an epoch."""
        return self.folder / "log" / "metrics.csv"

    def write(self) -> Path:
        """Write it into its folder; returns the file."""
        path = self.folder / "job.json"
        write_json(path, json.loads(json.dumps(asdict(self), default=str)))
        return path

    def read_result(self) -> dict[str, Any]:
        """What came out."""
        content: dict[str, Any] = json.loads(self.result.read_text(encoding="utf-8"))
        return content

    @classmethod
    def read(cls, path: Path) -> "TrainJob":
        """Read what `write` wrote."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**content, "folder": Path(content["folder"]), "data": Path(content["data"])})


@dataclass(frozen=True)
class LabelSet:
    """The labels of a training.

    Attributes:
        sections: codes of the images of each section.
        digest: SHA-256 of which masks stand for which images in which section.
    """

    sections: dict[str, list[str]]
    digest: str


def write_labels(labels: Sequence[Mapping[str, Any]], folder: Path, *, key: bytes, split_file: Path) -> LabelSet:
    """Write the labels of people as a data set of the package; patients stay in the section they once came into.

    Images are linked, masks copied, so that a label saved meanwhile changes nothing. Codes stand for images.

    Args:
        labels: ``image_id``, ``image`` and ``label`` (paths), ``patient_id`` (a code) each.
        folder: folder of the ``datalist.json``.
        key: secret key of the codes.
        split_file: section of every patient so far; it is extended.
    Raises:
        TooFewLabelsError: a section stays empty, or training has fewer than `FEWEST_TRAINING` images.
    """
    section_of, dealt = deal(labels, key=key, split_file=split_file)
    write_json(split_file, section_of)
    sections = {
        section: [_write_record(label, folder, key) | {"fold": None if section == "test" else 0} for label in found]
        for section, found in dealt.items()
    }
    write_datalist(folder / DATALIST, name="labels", source="label", seed=0, license=None, sections=sections)
    codes = {section: [record["image_id"] for record in records] for section, records in sections.items()}
    masks = {path.stem: hash_file(path) for path in sorted((folder / "masks").iterdir())}
    return LabelSet(codes, hash_json([codes, masks]))


def deal(
    labels: Sequence[Mapping[str, Any]], *, key: bytes, split_file: Path
) -> tuple[dict[str, str], dict[str, list[Mapping[str, Any]]]]:
    """Section of every patient so far, and the labels of each section in the order of their codes; writes nothing.

    Args:
        labels: ``image_id`` and ``patient_id`` each; see `write_labels`.
    Raises:
        TooFewLabelsError: a section stays empty, or training has fewer than `FEWEST_TRAINING` images.
    """
    known = json.loads(split_file.read_text(encoding="utf-8")) if split_file.is_file() else {}
    in_order = sorted(labels, key=lambda label: hash_with_key(str(label["image_id"]), key))
    section_of = extend_split(known, [str(label["patient_id"]) for label in in_order])
    dealt: dict[str, list[Mapping[str, Any]]] = {section: [] for section in SECTIONS}
    for label in in_order:
        dealt[section_of[str(label["patient_id"])]].append(label)
    _check_numbers(dealt)
    return section_of, dealt


def read_log(path: Path) -> list[dict[str, float]]:
    """Lines of a training log so far, without numbers that are none."""
    if not is_file(path):
        return []
    _, rows = read_csv(path)
    return [{name: float(value) for name, value in row.items() if value not in ("", "nan", "inf")} for row in rows]


def _write_record(label: Mapping[str, Any], folder: Path, key: bytes) -> dict[str, Any]:
    code, image = hash_with_key(str(label["image_id"]), key), Path(label["image"]).resolve()
    mask = read_mask(Path(label["label"]))
    write_mask(folder / "masks" / f"{code}.png", mask)
    link = folder / "images" / code
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(image)
    return {
        "image_id": code,
        "image": f"images/{code}",
        "label": f"masks/{code}.png",
        "patient_id": str(label["patient_id"]),
        "laterality": label.get("laterality"),
        "view": label.get("view"),
        "has_mass": bool(mask.any()),
    }


def _check_numbers(sections: Mapping[str, Sequence[Any]]) -> None:
    counts = {section: len(records) for section, records in sections.items()}
    if min(counts.values()) < 1 or counts["training"] < FEWEST_TRAINING:
        found = ", ".join(f"{count} for {section}" for section, count in counts.items())
        raise TooFewLabelsError(
            f"the labels of people give {found}; at least one each and {FEWEST_TRAINING} for training are needed, of "
            "different patients; label more images."
        )
