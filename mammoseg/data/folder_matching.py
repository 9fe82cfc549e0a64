"""Which mask belongs to which image, told by names: folders and stems, as explained in docs/datasets/folder.md."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mammoseg.paths import PICTURE_FORMATS, get_stem

MASK_FOLDERS = {
    *("mask", "masks", "label", "labels", "labelstr", "labelsts", "annotation", "annotations"),
    *("segmentation", "segmentations", "gt", "ground_truth", "groundtruth", "ground-truth", "ground truth"),
}
"""Lower case; ``labelsTr`` and ``labelsTs`` are nnU-Net's."""

IMAGE_FOLDERS = {"image", "images", "img", "imgs", "imagestr", "imagests"}
PICTURE = re.compile(rf"\.({PICTURE_FORMATS})$", re.IGNORECASE)
MASK_WORD = "mask|label|seg|segmentation|gt|ground_?truth"
MASK_ENDING = re.compile(rf"[._ -]({MASK_WORD})$", re.IGNORECASE)
MASK_BEGINNING = re.compile(rf"^({MASK_WORD})[._ -]", re.IGNORECASE)
NUMBER_ENDING = re.compile(r"[._ -]\d+$")
CHANNEL_ENDING = re.compile(r"_0000$")
"""What nnU-Net puts behind the name of an image of one channel, and not behind that of its mask."""

IMAGE_WORD = re.compile(r"^(image|img)[._ -]|[._ -](image|img)$", re.IGNORECASE)
"""What says image at the beginning or the end of a name, where that of its mask may say mask."""

MatchKey = tuple[str, ...]


@dataclass(frozen=True)
class Matches:
    """Files by what they turned out to be.

    Attributes:
        masks: masks of each image, maybe none.
        masks_without_image: masks whose stem fits no image.
        images_of_same_name: images that a mask could not tell from another one.
    """

    masks: dict[Path, list[Path]] = field(default_factory=dict)
    masks_without_image: list[Path] = field(default_factory=list)
    images_of_same_name: list[Path] = field(default_factory=list)


def match(
    root: Path,
    files: Iterable[Path],
    *,
    mask_root: Path | None = None,
    masks: Iterable[Path] = (),
    mask_pattern: re.Pattern[str] | None = None,
) -> Matches:
    """Pair the files below a folder.

    Args:
        root: folder of the images and, without `mask_root`, of the masks.
        files: all image files below it.
        mask_root: a folder of masks only, with the same subfolders as `root`.
        masks: all image files below that.
        mask_pattern: pattern in the paths of masks and of no other file below `root`; its group is the stem of the
            image.
    """
    matches = Matches()
    images: dict[MatchKey, Path] = {}
    found = [(path, _as_composed(path.relative_to(mask_root))) for path in masks] if mask_root else []
    for path in files:
        relative = _as_composed(path.relative_to(root))
        if mask_pattern.search(relative.as_posix()) if mask_pattern else is_mask_name(relative):
            found.append((path, relative))
        elif images.setdefault(_derive_key(relative), path) == path:
            matches.masks[path] = []
        else:
            matches.images_of_same_name.append(path)
    for (*folders, name), path in list(images.items()):
        for word in (CHANNEL_ENDING, IMAGE_WORD):
            images.setdefault((*folders, word.sub("", name)), path)
    for path, relative in found:
        image = next((images[key] for key in _list_possible_keys(relative, mask_pattern) if key in images), None)
        (matches.masks_without_image if image is None else matches.masks[image]).append(path)
    return matches


def without_masks(root: Path, files: Sequence[Path]) -> list[Path]:
    """`files` of a folder but for the pictures, no DICOM among them, that are masks of others."""
    masks = {mask for found in match(root, files).masks.values() for mask in found if PICTURE.search(mask.name)}
    return [path for path in files if path not in masks]


def is_mask_name(relative: Path) -> bool:
    """Whether a folder, or the beginning or the end of the stem, says mask."""
    in_mask_folder = any(part.lower() in MASK_FOLDERS for part in relative.parts[:-1])
    name = get_stem(relative)
    return in_mask_folder or bool(MASK_BEGINNING.search(name) or MASK_ENDING.search(NUMBER_ENDING.sub("", name)))


def _as_composed(relative: Path) -> Path:
    """The path with its characters composed (NFC): macOS unpacks archives to decomposed names."""
    return Path(unicodedata.normalize("NFC", str(relative)))


def _derive_key(relative: Path) -> MatchKey:
    folders = (part for part in PurePosixPath(relative).parts[:-1] if part.lower() not in MASK_FOLDERS | IMAGE_FOLDERS)
    return (*folders, get_stem(relative))


def _list_possible_keys(relative: Path, mask_pattern: re.Pattern[str] | None) -> Iterator[MatchKey]:
    """Keys of the images that a mask may belong to, longest stem first: mask_a_1_mask, a_1_mask, a_1, a."""
    found = mask_pattern.search(relative.as_posix()) if mask_pattern else None
    if found:
        yield _derive_key(relative.parent / found.group(1))
        return
    *folders, name = _derive_key(relative)
    yield (*folders, name)
    name = MASK_BEGINNING.sub("", name)
    while True:
        yield (*folders, name)
        shorter = MASK_ENDING.sub("", name)
        shorter = NUMBER_ENDING.sub("", name) if shorter == name else shorter
        if shorter == name:
            return
        name = shorter
