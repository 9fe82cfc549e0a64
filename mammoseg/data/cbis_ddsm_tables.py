"""The four case description tables of CBIS-DDSM (TCIA): one row an abnormality.

Paths in the tables hold newlines inside quotes. The patient is the ``P_nnnnn`` part; ``PatientID`` in the DICOM files
is per image or per abnormality, for example ``Mass-Test_P_00116_RIGHT_MLO_2``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammoseg.csv_table import read_csv
from mammoseg.data.datalist import Record
from mammoseg.data.splits import rank_severity
from mammoseg.errors import WrongCallError
from mammoseg.folders import list_files_below

COLUMNS = (
    "patient_id",
    "left or right breast",
    "image view",
    "abnormality id",
    "abnormality type",
    "assessment",
    "pathology",
    "subtlety",
    "image file path",
)
"""What each of the four tables has."""

SECTION_OF_SPLIT = {"Training": "training", "Test": "test"}


@dataclass(frozen=True)
class Abnormality:
    """One row of a table.

    Attributes:
        case: name of its full mammogram, ``Mass-Training_P_00001_LEFT_CC``.
        number: number of the abnormality in that case, from 1.
        kind: ``mass`` or ``calcification``.
        section: official section, ``training`` or ``test``.
        facts: what a datalist record can hold of pathology, birads, density, subtlety, shape and margin.
    """

    case: str
    number: int
    kind: str
    patient_id: str
    laterality: str
    view: str
    section: str
    facts: Record

    @property
    def folder(self) -> str:
        """Name of its mask and crop: ``PatientID`` of those files."""
        return f"{self.case}_{self.number}"


def read_tables(folders: Iterable[Path]) -> list[Abnormality]:
    """All rows of all ``*case_description*.csv`` below the folders.

    Raises:
        WrongCallError: there is no such table, or one is no CSV or lacks a column.
    """
    files = sorted(
        {path for folder in folders for path in list_files_below(folder) if path.match("*case_description*.csv")}
    )
    if not files:
        raise WrongCallError(
            "no '*case_description*.csv' below the input; "
            "put the four tables that TCIA offers with CBIS-DDSM there, or name their folder as one more input."
        )
    return [row for path in files for row in _read_table(path)]


def describe_image(abnormalities: Sequence[Abnormality]) -> Record:
    """Facts of an image: those of its most suspicious abnormality, by pathology, then BI-RADS, then its number."""
    return max(abnormalities, key=_rank_suspicion).facts


def _rank_suspicion(abnormality: Abnormality) -> tuple[int, int, int]:
    facts = abnormality.facts
    return rank_severity(facts | {"has_mass": True}), facts.get("birads", 0), -abnormality.number


def _read_table(path: Path) -> list[Abnormality]:
    abnormalities = []
    for number, row in enumerate(read_csv(path, needed=COLUMNS)[1], start=1):
        try:
            abnormalities.append(_read_abnormality(row))
        except (ValueError, KeyError, IndexError) as error:  # a cell is empty, no number, or no name of an image
            raise WrongCallError(
                f"row {number} of {path} lacks a number or the name of its image as TCIA writes them; "
                "fetch the table again."
            ) from error
    return abnormalities


def _read_abnormality(row: dict[str, str]) -> Abnormality:
    case = row["image file path"].strip().split("/")[0]
    kind_and_split, _, _ = case.partition("_")
    return Abnormality(
        case=case,
        number=int(row["abnormality id"]),
        kind=row["abnormality type"],
        patient_id=row["patient_id"],
        laterality=row["left or right breast"][0],
        view=row["image view"],
        section=SECTION_OF_SPLIT[kind_and_split.split("-")[1]],
        facts=_read_facts(row),
    )


def _read_facts(row: dict[str, str]) -> Record:
    """What is known; the tables say N/A for a word, and 0 for a density or subtlety that nobody gave."""
    facts: dict[str, Any] = {
        "pathology": row["pathology"],
        "shape": row.get("mass shape"),
        "margin": row.get("mass margins"),
        "density": int(row.get("breast_density") or row["breast density"]),  # mass tables; calcification tables
        "subtlety": int(row["subtlety"]),
    }
    known = {key: value for key, value in facts.items() if value and value != "N/A"}
    return known | {"birads": int(row["assessment"])}
