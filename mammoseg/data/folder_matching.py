"""Which mask belongs to which image, told by names: folders and stems, as explained in docs/datasets/folder.md."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

MASK_FOLDERS = {"mask", "masks", "label", "labels", "annotation", "annotations", "segmentation", "segmentations", "gt"}
IMAGE_FOLDERS = {"image", "images"}
PICTURE_FORMATS = r"png|tiff?|nii|nii\.gz"
PICTURE = re.compile(rf"\.({PICTURE_FORMATS})$", re.IGNORECASE)
EXTENSION = re.compile(rf"\.({PICTURE_FORMATS}|dcm|dicom)$", re.IGNORECASE)
MASK_ENDING = re.compile(r"[._ -](mask|label|seg|segmentation|gt)$", re.IGNORECASE)
NUMBER_ENDING = re.compile(r"[._ -]\d+$")

Key = tuple[str, ...]


@dataclass(frozen=True)
class Matches:
    """Files by what they turned out to be.

    Args:
        masks: for each image its masks, maybe none.
        masks_without_image: masks whose stem fits no image.
        images_of_same_name: images that a mask could not tell from another one.
    """

    masks: dict[Path, list[Path]] = field(default_factory=dict)
    masks_without_image: list[Path] = field(default_factory=list)
    images_of_same_name: list[Path] = field(default_factory=list)


def match(root: Path, files: Iterable[Path], *, mask_root: Path | None = None, masks: Iterable[Path] = ()) -> Matches:
    """Pair the files below a folder.

    Args:
        root: folder of the images and, without `mask_root`, of the masks.
        files: all image files below it.
        mask_root: a folder of masks only, with the same subfolders as `root`.
        masks: all image files below that.
    """
    matches = Matches()
    images: dict[Key, Path] = {}
    found = [(path, path.relative_to(mask_root)) for path in masks] if mask_root else []
    for path in files:
        relative = path.relative_to(root)
        if is_mask_name(relative):
            found.append((path, relative))
        elif images.setdefault(_key(relative), path) == path:
            matches.masks[path] = []
        else:
            matches.images_of_same_name.append(path)
    for path, relative in found:
        image = next((images[key] for key in _possible_keys(relative) if key in images), None)
        (matches.masks_without_image if image is None else matches.masks[image]).append(path)
    return matches


def without_masks(root: Path, files: Sequence[Path]) -> list[Path]:
    """`files` of a folder but for the pictures, no DICOM among them, that are masks of others."""
    masks = {mask for found in match(root, files).masks.values() for mask in found if PICTURE.search(mask.name)}
    return [path for path in files if path not in masks]


def stem(path: Path) -> str:
    """File name without the ending of an image format; a dot in a DICOM UID is none."""
    return EXTENSION.sub("", path.name)


def is_mask_name(relative: Path) -> bool:
    """Whether a folder or the end of the stem says mask."""
    in_mask_folder = any(part.lower() in MASK_FOLDERS for part in relative.parts[:-1])
    return in_mask_folder or bool(MASK_ENDING.search(NUMBER_ENDING.sub("", stem(relative))))


def _key(relative: Path) -> Key:
    folders = (part for part in PurePosixPath(relative).parts[:-1] if part.lower() not in MASK_FOLDERS | IMAGE_FOLDERS)
    return (*folders, stem(relative))


def _possible_keys(relative: Path) -> Iterator[Key]:
    """Keys of the images that a mask may belong to, longest stem first: a_1_mask, a_1, a."""
    *folders, name = _key(relative)
    while True:
        yield (*folders, name)
        shorter = MASK_ENDING.sub("", name)
        shorter = NUMBER_ENDING.sub("", name) if shorter == name else shorter
        if shorter == name:
            return
        name = shorter
