"""Labels that people drew through a label server, out of its state, as a folder of images and masks for `ingest`."""

import hashlib
import shlex
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mammoseg.dicom.read import read_header, read_texts
from mammoseg.errors import InputRefusedError
from mammoseg.files import atomic_path, read_json
from mammoseg.paths import get_stem


@dataclass(frozen=True, order=True)
class _Drawn:
    """One label in the state.

    Attributes:
        when: time of its content, as text that sorts.
        file: SEG, or NIfTI of a picture.
        image: SOP Instance UID, or path of the picture.
    """

    when: str
    file: Path
    image: str


def list_drawn_segmentations(state: Path) -> list[Path]:
    """DICOM SEGs of people in the state of a label server, but for withdrawn ones; a label saved again has several."""
    return _list_drawn(state, ".dcm")


def keep_labels(state: Path, images: Iterable[Path], keep: Path, *, bundle: str) -> None:
    """Copy them into the folder ``dataset``, and say how to train on them.

    Args:
        state: state folder of a label server that does not run.
        images: files that may have a label there.
        keep: folder of labels that are kept.
        bundle: bundle that is trained.
    """
    count = copy_labels(state, images, keep / "dataset")
    data = shlex.quote(str(keep / "data"))
    print(f"{count} labelled images are in {keep / 'dataset'}. To train on those of three patients or more:")
    print(f"  mammoseg ingest folder {shlex.quote(str(keep / 'dataset'))} --output {data}", end="")
    print(f" && mammoseg train {bundle} --dataset_dir {data} --batch_size 2", flush=True)


def copy_labels(state: Path, images: Iterable[Path], output: Path) -> int:
    """Copy each labelled image into ``output/images``, its newest label into ``output/labels``; returns how many.

    A label that its reader has withdrawn is none.

    Args:
        state: state folder of a label server that does not run.
        images: files that may have a label there.
    """
    images = list(images)
    paths = {str(path.resolve()): path for path in images}
    drawn = [*_read_pictures(state), *_read_dicom(state)]
    if any(_is_segmentation(label.file) for label in drawn):
        paths |= {uid: path for path in images if (uid := _read_uid(path))}
    newest = {label.image: label for label in sorted(drawn) if label.image in paths}
    stems = Counter(map(get_stem, images))
    for image, label in newest.items():
        path = paths[image]
        plain = get_stem(path)
        name = plain if stems[plain] == 1 else f"{plain}-{hashlib.sha256(image.encode()).hexdigest()[:8]}"
        endings = (".dcm", ".dcm") if _is_segmentation(label.file) else (path.name.removeprefix(plain), ".nii.gz")
        for source, folder, ending in zip((path, label.file), ("images", "labels"), endings, strict=True):
            with atomic_path(output / folder / f"{name}{ending}") as temporary:
                shutil.copyfile(source, temporary)
    return len(newest)


def _read_dicom(state: Path) -> Iterator[_Drawn]:
    for path in list_drawn_segmentations(state):
        header = read_header(path)
        (series,) = header.ReferencedSeriesSequence
        uid = series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
        yield _Drawn(f"{header.ContentDate}{header.ContentTime}", path, uid)


def _read_pictures(state: Path) -> Iterator[_Drawn]:
    for path in _list_drawn(state, ".nii.gz"):
        about = read_json(path.with_name(path.name.removesuffix(".nii.gz") + ".json"))
        yield _Drawn(f"{about['seconds']:020.6f}", path, str(about.get("image_file", "")))


def _list_drawn(state: Path, ending: str) -> list[Path]:
    return sorted(
        path
        for path in state.rglob(f"final/*{ending}")
        if not path.name.startswith(".")
        and not (path.parent.parent / "withdrawn" / f"{path.name.removesuffix(ending)}.json").exists()
    )


def _is_segmentation(label: Path) -> bool:
    return label.suffix == ".dcm"


def _read_uid(image: Path) -> str:
    try:
        return read_texts(image, ["SOPInstanceUID"])["SOPInstanceUID"]
    except InputRefusedError:
        return ""  # a picture, or what no label is about
