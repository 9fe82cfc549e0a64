"""The child process that meets strangers' images: it parses, checks and decodes, and answers through a pipe.

Started by `mammoseg.dicom.decode_pool`. A request is one line of JSON, ``{"kind": ..., "path": ..., "seconds": ...}``
and what the kind needs. An answer is one line of JSON and then as many bytes as its ``"bytes"`` says. No torch and no
MONAI in here: it must start at once.
"""

import hashlib
import json
import logging
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite

from mammoseg.border import passed_over, refused_as
from mammoseg.data.mammogram import check_is_file, detect_format
from mammoseg.data.mask_decoder import decode_picture_mask
from mammoseg.data.picture_decoder import decode_picture
from mammoseg.dicom.attributes import read_laterality, read_magnification, read_pixel_spacing, read_view
from mammoseg.dicom.elements import PIXEL_DATA
from mammoseg.dicom.gate import check_is_mammogram, open_dicom
from mammoseg.dicom.grey import compute_grey_table, read_padding_range
from mammoseg.dicom.mask import decode_mask, decode_segments
from mammoseg.dicom.parse import parse_dicom, read_bytes
from mammoseg.dicom.pixels import MAX_PIXELS, decode
from mammoseg.dicom.values import malformed_refused, read_text
from mammoseg.errors import InputRefusedError, WrongCallError, make_fault_error

if TYPE_CHECKING:
    from mammoseg.data.nifti_decoder import Nifti

logger = logging.getLogger(__name__)

MEMORY_LIMIT = 2 * 2**30
"""Bytes of address space. Of 32 megapixels JPEG-LS takes most, 0.6 GiB at its peak, libraries included."""

ALARM_DELAY = 5
"""Seconds after its own time limit when a child ends by itself, should the parent that would have ended it be gone."""

Answer = tuple[dict[str, Any], list[np.ndarray]]
"""Fields for the line of JSON, and the arrays whose bytes follow it."""


def main() -> None:
    """Answer requests until standard input ends."""
    answers = _take_over_output()
    _limit_process()
    notes = _collect_notes()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, request["seconds"] + ALARM_DELAY)
        _answer(request, answers, notes)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _answer(request: dict[str, Any], answers: BinaryIO, notes: list[logging.LogRecord]) -> None:
    fields, arrays = _answer_or_refuse(request)
    size = sum(array.nbytes for array in arrays)
    head = json.dumps(fields | {"bytes": size, "notes": [note.getMessage() for note in notes]})
    notes.clear()
    answers.write(head.encode() + b"\n")
    for array in arrays:
        answers.write(array.data)
    answers.flush()


def _answer_or_refuse(request: dict[str, Any]) -> Answer:
    try:
        return ANSWERS[request.pop("kind")](**request)
    except InputRefusedError as error:
        return _answer_refusal(error)
    except WrongCallError as error:
        return {"wrong_call": str(error)}, []
    except MemoryError:
        return {"code": "E_RESOURCES", "reason": f"reading it takes more than {MEMORY_LIMIT >> 30} GiB of memory."}, []
    except Exception as error:
        return _answer_refusal(make_fault_error(error))


def _answer_refusal(error: InputRefusedError) -> Answer:
    return {"code": error.code, "reason": error.reason}, []


def answer_image(path: str, voi: str | int, modalities: list[str], **_: Any) -> Answer:
    """A mammogram ``(rows, columns)`` of whatever format, as in the answer for that format alone, and its file."""
    check_is_file(Path(path))
    content = read_bytes(Path(path), check_head=detect_format)
    match detect_format(content):
        case "DICOM":
            return _decode_mammogram(content, voi, modalities)
        case "NIfTI" as kind:
            fields, arrays = _decode_nifti(content, path)
        case kind:
            fields, arrays = _decode_picture(content)
    return fields | _describe_source(content, kind), arrays


def _decode_mammogram(content: bytes, voi: str | int, modalities: list[str]) -> Answer:
    """What the header says of a DICOM mammogram; its grey table ``(values,)`` float32, its stored integers
    ``(rows, columns)``, and its header as `answer_header` gives it, empty where that refuses.
    """
    dataset = parse_dicom(content)
    check_is_mammogram(dataset, modalities)
    header = _encode_header_if_sound(dataset)  # before decoding, which mends what it says of the pixels
    stored = np.ascontiguousarray(decode(dataset))
    table = compute_grey_table(dataset, voi=voi)
    spacing, source = read_pixel_spacing(dataset)
    fields = {
        **_describe(stored),
        **_describe_source(content, "DICOM"),
        "table": len(table),
        "header": len(header),
        "laterality": read_laterality(dataset),
        "view": read_view(dataset),
        "pixel_spacing_mm": spacing,
        "pixel_spacing_source": source,
        "magnification": read_magnification(dataset),
        "padding": read_padding_range(dataset),
        "sop_instance_uid": read_text(dataset, "SOPInstanceUID") or None,
    }
    return fields, [table, stored, header]


def answer_stored(path: str, modalities: list[str] | None, **_: Any) -> Answer:
    """Stored integers ``(rows, columns)`` of any grey image, or of a mammogram where `modalities` is given."""
    dataset = open_dicom(Path(path))
    if modalities is not None:
        check_is_mammogram(dataset, modalities)
    stored = np.ascontiguousarray(decode(dataset))
    return _describe(stored), [stored]


def answer_mask(path: str, segments: list[int] | None = None, image_uid: str | None = None, **_: Any) -> Answer:
    """The mask in a grey image or in these segments of a SEG, uint8 0 / 1 ``(rows, columns)``, and remarks."""
    mask, remarks = decode_mask(open_dicom(Path(path)), segments=segments, image_uid=image_uid)
    return {**_describe(mask), "remarks": remarks}, [mask]


def answer_segments(path: str, segments: list[int], image_uid: str | None = None, **_: Any) -> Answer:
    """The shape of a SEG, and each of these segments as bits, uint8 ``(rows * columns / 8,)``, rounded up."""
    dataset = open_dicom(Path(path))
    bits = [np.packbits(mask) for mask in decode_segments(dataset, segments, image_uid=image_uid)]
    return {"shape": (dataset.Rows, dataset.Columns)}, bits


def answer_picture_mask(path: str, **_: Any) -> Answer:
    """The mask in a picture, uint8 0 / 1 ``(rows, columns)``, and remarks."""
    mask, remarks = decode_picture_mask(read_bytes(Path(path)), max_pixels=MAX_PIXELS)
    return {**_describe(mask), "remarks": remarks}, [mask]


def answer_picture(path: str, **_: Any) -> Answer:
    """The grey of a PNG, TIFF, JPEG or PGM, ``(rows, columns)``, and the value of white."""
    return _decode_picture(read_bytes(Path(path)))


def _decode_picture(content: bytes) -> Answer:
    page = decode_picture(content, max_pixels=MAX_PIXELS)
    if page.is_turned:
        logger.warning("the picture is shown turned, as its orientation tag says")
    grey = np.ascontiguousarray(page.channels[..., 0])
    return {**_describe(grey), "white": page.white}, [grey]


def answer_nifti(path: str, max_pixels: int = MAX_PIXELS, **_: Any) -> Answer:
    """The one slice of a NIfTI file, ``(rows, columns)``, and where it says that it lies."""
    return _decode_nifti(read_bytes(Path(path)), path, max_pixels)


def _decode_nifti(content: bytes, path: str, max_pixels: int = MAX_PIXELS) -> Answer:
    from mammoseg.data.nifti_decoder import decode_nifti  # half a second, and only NIfTI needs it

    return _pack_slice(decode_nifti(content, path=Path(path), max_pixels=max_pixels))


def answer_nrrd(path: str, max_pixels: int = MAX_PIXELS, **_: Any) -> Answer:
    """The one slice of a NRRD file, ``(rows, columns)``, and where it says that it lies."""
    from mammoseg.data.nrrd_decoder import decode_nrrd  # only the label server needs it, and has what it imports

    return _pack_slice(decode_nrrd(read_bytes(Path(path)), max_pixels=max_pixels))


def _pack_slice(image: "Nifti") -> Answer:
    array = np.ascontiguousarray(image.array)
    affine = None if image.affine is None else image.affine.tolist()
    place = {"affine": affine, "spacing_mm": image.spacing_mm, "contradicts_itself": image.contradicts_itself}
    return _describe(array) | place, [array]


def answer_header(path: str, **_: Any) -> Answer:
    """The header without pixels, written anew in its own transfer syntax: bytes, uint8 ``(length,)``."""
    return {}, [_encode_header(open_dicom(Path(path)))]


def answer_texts(path: str, keywords: list[str], **_: Any) -> Answer:
    """JSON of texts by keyword, uint8 ``(length,)``, from the first part of the file: to list many files at once.

    A text that is absent is empty.

    Raises:
        InputRefusedError: ``E_NOT_DICOM``, or ``E_ATTRIBUTE`` for one that is no single text.
    """
    with refused_as("E_NOT_DICOM", "this is no DICOM file that can be parsed."):
        dataset = dcmread(path, stop_before_pixels=True, specific_tags=keywords)
        texts = {keyword: read_text(dataset, keyword) for keyword in keywords}
    return {}, [np.frombuffer(json.dumps(texts).encode(), np.uint8)]


def _encode_header(dataset: Dataset) -> np.ndarray:
    pixels = dataset.group_dataset(PIXEL_DATA[0])
    buffer = BytesIO()
    try:
        with malformed_refused():
            for tag in pixels.keys():
                del dataset[tag]
            dcmwrite(buffer, dataset)
    finally:
        dataset.update(pixels)
    return np.frombuffer(buffer.getbuffer(), np.uint8)


def _encode_header_if_sound(dataset: Dataset) -> np.ndarray:
    """Pixels can be looked at without a header that can be written; what needs one asks again, and is told why."""
    with passed_over():
        return _encode_header(dataset)
    return np.empty(0, np.uint8)


def _describe_source(content: bytes, kind: str) -> dict[str, str]:
    return {"format": kind, "sha256": hashlib.sha256(content).hexdigest()}


def _describe(pixels: np.ndarray) -> dict[str, Any]:
    return {"shape": pixels.shape, "dtype": pixels.dtype.name}


ANSWERS: dict[str, Callable[..., Answer]] = {
    "image": answer_image,
    "stored": answer_stored,
    "mask": answer_mask,
    "segments": answer_segments,
    "picture": answer_picture,
    "picture_mask": answer_picture_mask,
    "nifti": answer_nifti,
    "nrrd": answer_nrrd,
    "header": answer_header,
    "texts": answer_texts,
}
"""Kind of request to the function that answers it."""


def _take_over_output() -> BinaryIO:
    """Keep standard output for answers; what decoders print, header values among it, goes nowhere."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return answers


def _limit_process() -> None:
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _collect_notes() -> list[logging.LogRecord]:
    """Records of mammoseg itself, whose texts hold no header values; those of all libraries are dropped."""
    notes: list[logging.LogRecord] = []

    class _Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            notes.append(record)

    warnings.simplefilter("ignore")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    logging.getLogger("mammoseg").addHandler(_Collector(logging.WARNING))
    return notes


if __name__ == "__main__":
    main()
