"""Boxes that a person gives around masses in a CSV, and a predictor that looks them up for each file."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from unicodedata import normalize

from mammoseg.counts import format_count
from mammoseg.csv_table import read_csv
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.files import as_printable, hash_file
from mammoseg.inference.boxes import GIVEN, MOST_BOXES, describe_boxes
from mammoseg.mammogram import Mammogram
from mammoseg.paths import get_stem
from mammoseg.prediction.table import Row
from mammoseg.transforms.arrays import NO_BOX
from mammoseg.transforms.functional.geometry import Box, make_box

if TYPE_CHECKING:
    from mammoseg.inference.predictor import Prediction

SIDES = ("top", "left", "bottom", "right")
"""Columns of a box beside ``image``: pixels of the stored image from 0, `bottom` and `right` exclusive."""

HOW_NAMED = (
    "names an image by the end of its path, letter by letter, A not as a, whole names with one '/' between them; or by "
    "its SOP Instance UID."
)
"""Ends the refusal of an image that the table does not name."""

FARTHEST = 2**31
"""Largest coordinate: no image is so large."""


@dataclass(frozen=True)
class BoxTable:
    """Boxes by what the column ``image`` says: the end of a path, whole names, or the SOP Instance UID of the image.

    Attributes:
        name: name of the file, and its SHA-256, as results say where boxes came from.
        boxes: those of each image, in their order.
    """

    name: str
    boxes: Mapping[str, tuple[Box, ...]]

    def find(self, path: Path, uid: str | None) -> tuple[Box, ...]:
        """Boxes of the image in a file; none where the table does not name it.

        Args:
            uid: SOP Instance UID of a DICOM file.
        """
        names = [*sorted(_list_names(path)), *([uid] if uid else [])]
        return tuple(box for name in dict.fromkeys(names) for box in self.boxes.get(name, ()))

    def check_names(self, paths: Iterable[Path]) -> None:
        """Whether what the table says means one file.

        Raises:
            WrongCallError: it means two.
        """
        meant: dict[str, Path] = {}
        for path in paths:
            for name in self.boxes.keys() & _list_names(path):
                if name in meant:
                    raise WrongCallError(
                        f"'{as_printable(name)}' in {self.name} is the end of two paths, {as_printable(meant[name])} "
                        f"and {as_printable(path)}; write more of each."
                    )
                meant[name] = path

    def say_unused(self, rows: Iterable[Row]) -> str | None:
        """A sentence where boxes were not looked at in any of the files of a run; None where all were."""
        unused = self._list_unused(rows)
        if not unused:
            return None
        count, left = (sum(len(self.boxes[name]) for name in names) for names in (self.boxes, unused))
        return (
            f"{left} of {format_count(count, 'box')} in {self.name} not looked at: of no image of this "
            f"run, or of one that was refused. The first is of '{as_printable(unused[0])[:100]}'."
        )

    def _list_unused(self, rows: Iterable[Row]) -> list[str]:
        """Names of which no box was looked at: neither the end of a path, nor the UID of an image with these boxes.

        A row does not have the UID: what its path does not explain are, behind the others, the boxes of its UID.
        """
        unused, by_uid = dict.fromkeys(self.boxes), {}
        for row in rows:
            if row.boxes is None:
                continue
            ends = sorted(self.boxes.keys() & _list_names(Path(row.file)))
            for name in ends:
                unused.pop(name, None)
            known = tuple(box for name in ends for box in self.boxes[name])
            rest = row.boxes.removeprefix(describe_boxes(known)).removeprefix("; ").removeprefix(GIVEN)
            by_uid[row.source_sha256 or row.file] = rest  # copies have one UID
        for rest in filter(None, by_uid.values()):
            for name in [name for name in unused if describe_boxes(self.boxes[name]) == GIVEN + rest][:1]:
                del unused[name]
        return list(unused)


class PatchPredictor(Protocol):
    """What `BoxedPredictor` needs of `mammoseg.inference.predictor.Predictor`."""

    algorithm: Algorithm

    def read(self, path: Path) -> Mammogram:
        """Read a file."""

    def predict(self, mammogram: Mammogram, *, boxes: Sequence[Box] = ()) -> "Prediction":
        """Predict in boxes alone."""

    def limit_threads(self, count: int) -> None:
        """Compute with so many threads from here on."""


class BoxedPredictor:
    """A predictor of patches that looks into the boxes of a table; used like any other.

    Attributes:
        algorithm: algorithm of the predictor, with the name of the table.
    """

    def __init__(self, predictor: PatchPredictor, table: BoxTable) -> None:
        self._predictor, self.table = predictor, table
        self.algorithm = replace(predictor.algorithm, boxes=f"given by a person in {table.name}")

    def __call__(self, path: Path) -> "Prediction":
        """Predict the mass probability in the boxes of one file.

        Raises:
            InputRefusedError: the file cannot be used; ``E_NO_BOX``, the table has no box of it; ``E_BOX``.
        """
        mammogram = self._predictor.read(path)
        boxes = self.table.find(path, mammogram.sop_instance_uid)
        if not boxes:
            raise InputRefusedError("E_NO_BOX", f"{NO_BOX} {self.table.name} {HOW_NAMED}")
        return self._predictor.predict(mammogram, boxes=boxes)

    def limit_threads(self, count: int) -> None:
        """Compute with so many threads from here on."""
        self._predictor.limit_threads(count)


def read_boxes(path: Path) -> BoxTable:
    """Read a CSV with the columns ``image``, ``top``, ``left``, ``bottom`` and ``right``, a row a box.

    Raises:
        WrongCallError: it is no such file, has no box, or a row has none, or a name has more than `MOST_BOXES`.

    Examples:
        >>> from pathlib import Path
        >>> from mammoseg.prediction.box_table import read_boxes
        >>> _ = Path("boxes.csv").write_text("image,top,left,bottom,right\\nfilms/a.png,10,20,40,60\\n")
        >>> read_boxes(Path("boxes.csv")).find(Path("data/films/a.png"), None)
        (Box(top=10, left=20, height=30, width=40),)
    """
    _, rows = read_csv(path, needed=("image", *SIDES))
    boxes: dict[str, tuple[Box, ...]] = {}
    for number, row in enumerate(rows, start=2):
        place = f"{as_printable(path)}, row {number}"
        name = _normalise(row["image"])
        if not name:
            raise WrongCallError(f"{place}, names no image; write the end of its path, or its SOP Instance UID.")
        boxes[name] = (*boxes.get(name, ()), _parse_box(row, place))
        if len(boxes[name]) > MOST_BOXES:
            raise WrongCallError(
                f"{place}: more than {MOST_BOXES} boxes of one image are none of masses; leave some out."
            )
    if not boxes:
        raise WrongCallError(f"{as_printable(path)} has no box; write a row for each, image,{','.join(SIDES)}.")
    return BoxTable(f"{as_printable(path.name)} (SHA-256 {hash_file(path)})", boxes)


def _parse_box(row: Mapping[str, str], place: str) -> Box:
    numbers = []
    for side in SIDES:
        try:
            numbers.append(float(row[side].replace("_", "?")))  # Python reads 2_2 as 22
        except ValueError:
            raise WrongCallError(
                f"{place}: {side} is '{as_printable(row[side])[:100]}'; give a pixel of the image, from 0."
            ) from None
    top, left, bottom, right = numbers
    if not (0 <= top < bottom <= FARTHEST and 0 <= left < right <= FARTHEST):
        raise WrongCallError(
            f"{place}: {' '.join(f'{number:g}' for number in numbers)} are no {', '.join(SIDES)}; give pixels from 0, "
            "bottom below top and right of left."
        )
    return make_box(top, left, bottom, right)


def _normalise(name: str) -> str:
    """A name as paths are compared; what leads from the folder of the call becomes a whole path."""
    text = normalize("NFC", name.strip())
    return str(_make_whole(text)) if text.startswith(("./", "../", "/")) else text


def _list_names(path: Path) -> set[str]:
    """All ends of the absolute path, whole names each, with the ending of the image format and without."""
    whole = _make_whole(normalize("NFC", str(path)))
    both = (whole, whole.with_name(get_stem(whole)))
    return {
        name for each in both for name in (str(each), *("/".join(each.parts[at:]) for at in range(1, len(each.parts))))
    }


def _make_whole(path: str) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100  # resolve() would follow links, whose names are what was typed
