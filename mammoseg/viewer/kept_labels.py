"""Labels that people drew through a label server, out of its state, as a folder of images and masks for `ingest`."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from mammoseg.dicom.read import read_header, read_texts
from mammoseg.files import atomic_path


def drawn_segmentations(state: Path) -> list[Path]:
    """DICOM SEGs of people in the state of a label server; a label that was saved again has several."""
    return sorted(path for path in state.rglob("final/*.dcm") if not path.name.startswith("."))


def keep_labels(state: Path, images: Iterable[Path], output: Path) -> int:
    """Copy each labelled image into ``output/images``, its newest SEG into ``output/labels``; returns how many.

    Args:
        state: state folder of a label server that does not run.
        images: DICOM files that may have a label there.
    """
    paths = {read_texts(path, ["SOPInstanceUID"])["SOPInstanceUID"]: path for path in images}
    newest: dict[str, tuple[str, Path]] = {}
    for path in drawn_segmentations(state):
        header = read_header(path)
        (series,) = header.ReferencedSeriesSequence
        uid = series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
        newest[uid] = max(newest.get(uid, ("", path)), (f"{header.ContentDate}{header.ContentTime}", path))
    labelled = {uid: path for uid, (_, path) in newest.items() if uid in paths}
    for uid, label in labelled.items():
        for source, folder in ((paths[uid], "images"), (label, "labels")):
            with atomic_path(output / folder / f"{paths[uid].stem}.dcm") as temporary:
                shutil.copyfile(source, temporary)
    return len(labelled)
