"""What a file says in another place than a plain mammogram does, brought to where every reader looks."""

from collections.abc import Iterator

from pydicom import uid
from pydicom.dataset import Dataset

from mammoseg.dicom.attributes import is_synthesized, read_items, read_strings

FROM_META = {
    "SOPClassUID": "MediaStorageSOPClassUID",
    "SOPInstanceUID": "MediaStorageSOPInstanceUID",
}
"""Attributes that some files have in the File Meta Information only, which has to say the same (PS3.10 7.1)."""

FRAME_MACROS = ("FrameVOILUTSequence", "PixelValueTransformationSequence", "FrameAnatomySequence")
"""Functional groups with grey values and side, PS3.3 C.7.6.16.2."""


def complete(dataset: Dataset) -> Dataset:
    """Add to `dataset` what it lacks and states elsewhere: in File Meta Information, or for its only frame."""
    for keyword, in_meta in FROM_META.items():
        if keyword not in dataset and (found := read_strings(dataset.file_meta, in_meta)):
            setattr(dataset, keyword, found[0])
    if read_strings(dataset, "SOPClassUID") == [uid.BreastTomosynthesisImageStorage] and is_synthesized(dataset):
        for macro in _list_frame_macros(dataset):
            for tag in macro.keys():
                if tag not in dataset:
                    dataset[tag] = macro.get_item(tag)  # as it stands: who needs it finds it malformed
        if sides := read_strings(dataset, "FrameLaterality"):
            dataset.ImageLaterality = sides[0]
    return dataset


def _list_frame_macros(dataset: Dataset) -> Iterator[Dataset]:
    """Items of `FRAME_MACROS`, of the frame before those of all frames."""
    for groups in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        for group in read_items(dataset, groups):
            for name in FRAME_MACROS:
                yield from read_items(group, name)
