"""The datalist: one JSON file that names images, masks, patients and the split; explained in docs/datalist.md.

The form is MONAI's (sections ``training``, ``validation``, ``test`` of records with paths relative to the file), made
strict by ``datalist.schema.json`` and by what a schema cannot say: no image twice, no patient in two sections unless
the file says that it was split by image.
"""

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from mammoseg.errors import MammosegError, WrongCallError, make_unknown_name_error
from mammoseg.files import write_json

DATALIST = "datalist.json"
"""Name of the file in the folder that `mammoseg ingest` writes; it names the masks beside the images."""

SCHEMA_VERSION = 1
SECTIONS = ("training", "validation", "test")
WORDS = ("name", "laterality", "view", "pathology", "shape", "margin", "vendor", "pixel_spacing_source")
"""Keys whose value is text and may be unknown; `load_section` gives ``""`` then."""

GRADES = ("birads", "density", "subtlety")
"""Keys whose value is a whole number and may be unknown; `load_section` gives NaN then."""

WAYS_OUT = {
    "training": "so nothing can be trained with it; ingest again with shares such as --shares 0.8,0.2,0",
    "validation": (
        "so nothing chooses the weights; name the fold that does (--fold 0), let test images do it "
        "(--validation_section test, after which their score is no test), or ingest again with --shares 0.8,0.2,0"
    ),
    "test": (
        "so nothing was held out; score those that chose the weights with --validation_section validation "
        "(and --fold 0 of a cross-validation), or ingest again with --shares 0.7,0.15,0.15"
    ),
}
"""What an empty section means, and what can be done."""

Record = dict[str, Any]


class DatalistError(MammosegError, ValueError):
    """A datalist breaks a rule; the text names the file, the place in it and the rule."""


def read_datalist(path: Path | str, *, by_patient: bool = True) -> dict[str, Any]:
    """Read a datalist and check it.

    Args:
        by_patient: whether a patient in two sections is refused, unless the file says that it was split by image.
    Raises:
        DatalistError: it is not JSON, or breaks the schema, or an image or a patient stands where it may not.
        OSError: it cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise DatalistError(f"there is no datalist at {path}; write it with `mammoseg ingest`.")
    try:
        datalist = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # nested too deep
        raise DatalistError(f"{path}: not JSON in UTF-8 ({error}); write it again with `mammoseg ingest`.") from error
    check_datalist(datalist, path, by_patient=by_patient)
    return datalist


def write_datalist(
    path: Path | str,
    *,
    name: str,
    source: str,
    seed: int,
    license: str | None,
    sections: Mapping[str, Sequence[Record]],
    split: Mapping[str, Any] | None = None,
    truth: str | None = None,
    voi: str | None = None,
) -> None:
    """Check a datalist and write it, whole or not at all.

    Args:
        path: the file to write; paths in the records are relative to its folder.
        license: license of the images, with the citation they ask for; None when unknown.
        sections: records of ``training``, ``validation`` and ``test``.
        split: how they were divided, where it was not the default: ``by``, ``shares`` or ``all``, ``protocol``.
        truth: ``boxes`` or ``circles`` where masses were marked so; None for outlines.
        voi: grey-value function for its DICOM files, see `mammoseg.dicom.own_voi`; None for their own.
    Raises:
        DatalistError: it breaks a rule; nothing is written then.
    """
    head: dict[str, Any] = {
        "name": name,
        "source": source,
        "schema_version": SCHEMA_VERSION,
        "seed": seed,
        "license": license,
    }
    if split:
        head["split"] = dict(split)
    if truth is not None:
        head["truth"] = truth
    if voi is not None:
        head["voi"] = voi
    datalist = head | {section: list(sections[section]) for section in SECTIONS}
    check_datalist(datalist, Path(path))
    write_json(Path(path), datalist)


def load_section(datalist_file: Path | str, section: str, *, fold: int | None = None) -> list[Record]:
    """Records of one section with absolute paths, as MONAI datasets take them.

    All records of a section get the same keys, because MONAI's collation asks for them: an unknown word is ``""``, an
    unknown grade NaN, and a pixel spacing that is not known for every record is left out. ``instances``, which differ
    in number, are one text: a JSON list of absolute paths, ``""`` where there is no mask of each mass.

    Args:
        section: ``training``, ``validation`` or ``test``.
        fold: cross-validation: ``validation`` is then the records of this fold and ``training`` all others of the two
            sections; ``test`` stays as it is.
    Raises:
        WrongCallError: unknown section or fold, or one without an image; or masses are marked by boxes or circles:
            training and Dice would take the shape of the mark for that of the mass.
        DatalistError: see `read_datalist`.

    Examples:
        >>> from pathlib import Path
        >>> from mammoseg.data.datalist import load_section, write_datalist
        >>> from mammoseg.data.phantom import generate_cohort
        >>> from mammoseg.data.splits import SplitRule, split_records
        >>> records = generate_cohort(Path("phantoms"), patients=10, size=64)
        >>> sections, _ = split_records(records, SplitRule(folds=2), seed=0)
        >>> path = Path("phantoms/datalist.json")
        >>> write_datalist(path, name="phantoms", source="phantom", seed=0, license=None, sections=sections)
        >>> [len(load_section(path, section)) for section in ("training", "validation", "test")]
        [12, 4, 4]
        >>> Path(load_section(path, "test")[0]["image"]).is_absolute()
        True
    """
    if section not in SECTIONS:
        raise make_unknown_name_error("section", section, SECTIONS)
    datalist = read_datalist(datalist_file)
    if "truth" in datalist:
        raise WrongCallError(
            f"the masses of {datalist_file} are marked by {datalist['truth']}, which are no outlines, so nothing can "
            "be trained on them and they have no Dice; name a datalist with masks."
        )
    records = datalist[section] if fold is None or section == "test" else _select_fold(datalist, section, fold)
    if not records:
        raise WrongCallError(f"{datalist_file} has no {section} image, {WAYS_OUT[section]}.")
    folder = Path(datalist_file).resolve().parent
    return _with_same_keys([record | _locate_files(record, folder) for record in records])


def read_voi(datalist_file: Path | str) -> str:
    """How DICOM files of a datalist are read: its own function, see `mammoseg.dicom.own_voi`, or their ``"first"``.

    Raises:
        DatalistError: see `read_datalist`.
    """
    return str(read_datalist(datalist_file).get("voi", "first"))


def check_datalist(datalist: Any, path: Path, *, by_patient: bool = True) -> None:
    """Hold a datalist to the schema and to its patient and image rules.

    Args:
        path: path where it stands or will stand, for the error.
        by_patient: whether a patient in two sections is refused, as in `read_datalist`.
    Raises:
        DatalistError: names file, place and rule of the first breach.
    """
    error = jsonschema.exceptions.best_match(_build_validator().iter_errors(datalist))
    if error is not None:
        raise DatalistError(f"{path}: {_name_place(error.absolute_path)}: {error.message[:300]}; see docs/datalist.md.")
    images: dict[str, str] = {}
    patients: dict[str, str] = {}
    by_patient = by_patient and datalist.get("split", {}).get("by") != "image"
    for section in SECTIONS:
        for index, record in enumerate(datalist[section]):
            place = f"{section}[{index}]"
            first = images.setdefault(record["image_id"], place)
            if first != place:
                raise DatalistError(f"{path}: {place}.image_id: is also that of {first}; every image has its own.")
            if patients.setdefault(record["patient_id"], section) != section and by_patient:
                raise DatalistError(
                    f"{path}: {place}.patient_id: this patient is also in {patients[record['patient_id']]}; "
                    "all images of a patient belong in one section."
                )


@cache
def _build_validator() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(json.loads(Path(__file__).with_suffix(".schema.json").read_text()))


def _name_place(path: Iterable[str | int]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).lstrip(".") or "top level"


def _select_fold(datalist: Mapping[str, Any], section: str, fold: int) -> list[Record]:
    both = datalist["training"] + datalist["validation"]
    folds = {record["fold"] for record in both}
    if folds and fold not in folds:
        raise WrongCallError(f"unknown fold {fold}; known: {', '.join(map(str, sorted(folds)))}.")
    return [record for record in both if (record["fold"] == fold) == (section == "validation")]


def _locate_files(record: Record, folder: Path) -> Record:
    paths = {key: os.path.normpath(folder / record[key]) for key in ("image", "label")}
    if (instances := record.get("instances")) is None:
        return paths | {"instances": ""}
    return paths | {"instances": json.dumps([os.path.normpath(folder / instance) for instance in instances])}


def _with_same_keys(records: list[Record]) -> list[Record]:
    unknown = dict.fromkeys(WORDS, "") | dict.fromkeys(GRADES, math.nan)
    known = [unknown | {key: value for key, value in record.items() if value is not None} for record in records]
    common = set.intersection(*map(set, known)) if known else set()
    return [{key: value for key, value in record.items() if key in common} for record in known]
