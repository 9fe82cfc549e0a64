"""From a DICOM file to a mammogram: the gate, the pixels, their grey values, what the header says."""

from collections.abc import Sequence
from pathlib import Path

from mammoseg.data.mammogram import Mammogram
from mammoseg.dicom.attributes import laterality, magnification, pixel_spacing, view
from mammoseg.dicom.gate import check_is_mammogram, decode, open_dicom
from mammoseg.dicom.grey import grey_table, look_up

__all__ = ["check_is_mammogram", "decode", "laterality", "open_dicom", "read_dicom", "view"]


def read_dicom(path: Path, *, voi: str | int = "first", modalities: Sequence[str] = ("MG",)) -> Mammogram:
    """Read one mammogram; the steps on grey values are those of `mammoseg.dicom.grey`, in its order.

    Args:
        path: a DICOM part 10 file.
        voi: which of the file's own grey-value functions to apply, counted over the items of VOI LUT Sequence and then
            the windows, each with its function LINEAR, LINEAR_EXACT or SIGMOID. ``"first"`` takes the first, or the
            stored range where there is none; an index takes that one; ``"none"`` keeps the stored range.
        modalities: what Modality may say.

    Raises:
        InputRefusedError: the file cannot be used. Neither its text nor its code holds a value that names a patient.
        WrongCallError: `voi` is none of these.
    """
    dataset = open_dicom(path)
    check_is_mammogram(dataset, modalities)
    stored = decode(dataset)
    table = grey_table(dataset, voi=voi)
    spacing, source = pixel_spacing(dataset)
    return Mammogram(
        pixels=look_up(table, stored),
        laterality=laterality(dataset),
        view=view(dataset),
        pixel_spacing_mm=spacing,
        pixel_spacing_source=source,
        magnification=magnification(dataset),
        value_range=(float(table.min()), float(table.max())),
        path=path,
    )
