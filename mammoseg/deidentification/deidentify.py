"""Mammograms without their patient: DICOM in, DICOM of the same pixels out, and a map that its owner keeps."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from pathlib import Path

from pydicom import dcmwrite
from pydicom.dataset import Dataset
from tqdm import tqdm

from mammoseg.counts import format_count
from mammoseg.data.find_images import find_inputs, say_no_file, say_passed_over
from mammoseg.data.identifiers import load_key_when_needed, locate_key_file
from mammoseg.deidentification.basic_profile import deidentify_dataset
from mammoseg.deidentification.identity_map import IdentityMap
from mammoseg.dicom.codestream import check_method
from mammoseg.dicom.gate import check_is_mammogram, open_dicom
from mammoseg.dicom.pixels import check_pixel_description, decode
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.dicom.stream_text import without_text
from mammoseg.dicom.values import malformed_refused, read_code_string, read_text
from mammoseg.errors import InputRefusedError, NothingUsableError, PartlyRefusedError, StoppedError, WrongCallError
from mammoseg.files import as_printable, atomic_path, made_output, output_errors, remove_leftovers, sole_writer
from mammoseg.folders import is_plain_file
from mammoseg.mammogram import MODALITIES, list_modalities

LOCK = ".deidentify.lock"


class CopyOutcome(Enum):
    """What became of a file."""

    WRITTEN = "written"
    KEPT = "kept"
    REFUSED = "refused"


def deidentify(
    *inputs: str | Path,
    output: str | Path,
    map_file: str | Path | None = None,
    key_file: str | Path | None = None,
    modalities: str | Sequence[str] = MODALITIES,
) -> None:
    """Write each mammogram without what names its patient, under the name of its new SOP Instance UID.

    Args:
        inputs: DICOM files, and folders, which are searched to the bottom.
        output: folder for the files; made if it is not there. What stands in it and is whole is kept.
        map_file: JSON of old and new Patient IDs and UIDs, readable for its owner only; default: beside the key. It may
            not lie in `output`.
        key_file: secret key of the new identifiers; default: made once in the user's configuration folder.
        modalities: DICOM modalities to let in, ``MG`` alone unless told otherwise.

    Raises:
        WrongCallError: no input, an output folder that cannot be made, or a map inside it.
        MammosegError: others may read the map or the key, one of them is damaged, or another run has the output.
        PartlyRefusedError: some inputs were refused.
        NothingUsableError: all inputs were refused, or a folder has nothing to try.
        OutputError: the output cannot be written.
        StoppedError: Ctrl-C.
    """
    folder, key_path = Path(output), Path(key_file or locate_key_file())
    map_path = Path(map_file or key_path.with_name("deidentified.json"))
    _check_call(inputs, folder, map_path)
    names = IdentityMap(load_key_when_needed(key_path), map_path)
    job = _CopyJob(folder, names, list_modalities(modalities))
    paths, passed_over = find_inputs([Path(path) for path in inputs], folder, with_segmentations=True)
    with made_output(folder):
        outcomes = _copy_files(paths, job)
        _finish(outcomes, job, passed_over)


@dataclass
class _CopyJob:
    """One run; `unstated` counts files that do not say whether text is burned into their pixels."""

    output: Path
    names: IdentityMap
    modalities: Sequence[str]
    unstated: int = 0

    def deidentify_or_refuse(self, path: Path) -> CopyOutcome:
        try:
            with no_header_values_in_warnings():
                return self._deidentify(path)
        except InputRefusedError as error:
            tqdm.write(f"{as_printable(path)}: {error}", file=sys.stderr)
            return CopyOutcome.REFUSED

    def _deidentify(self, path: Path) -> CopyOutcome:
        dataset = open_dicom(path)
        check_is_mammogram(dataset, self.modalities)
        check_pixel_description(dataset)
        burned_in = read_code_string(dataset, "BurnedInAnnotation")
        if burned_in not in ("", "NO"):  # whatever else stands there was meant to warn
            reason = "its pixels have text burned in, which may name the patient; cover the text, then say NO there."
            raise InputRefusedError("E_BURNED_IN", reason)
        if not read_text(dataset, "SOPInstanceUID"):
            raise InputRefusedError("E_DICOM_UID", "it has no SOP Instance UID, so its new name cannot be made.")
        content = self._encode(dataset)
        with output_errors(self.output):
            outcome = _write_once(content, self.output / f"{dataset.SOPInstanceUID}.dcm")
        self.unstated += burned_in != "NO"
        return outcome

    def _encode(self, dataset: Dataset) -> bytes:
        buffer = BytesIO()
        with malformed_refused():
            keep_only_pixels(dataset)
            deidentify_dataset(dataset, self.names)
            dcmwrite(buffer, dataset, enforce_file_format=True)
        return buffer.getvalue()


def _copy_files(paths: Sequence[Path], job: _CopyJob) -> list[CopyOutcome]:
    """What became of each file; the names that were given are written down, however it ends.

    Raises:
        StoppedError: Ctrl-C.
    """
    outcomes: list[CopyOutcome] = []
    try:
        with sole_writer(job.output, job.output / LOCK):
            remove_leftovers(job.output)
            for path in tqdm(paths, unit="file", disable=None):
                outcomes.append(job.deidentify_or_refuse(path))
    except KeyboardInterrupt:
        raise StoppedError(f"stopped; {len(outcomes)} of {format_count(len(paths), 'file')} done and kept.") from None
    finally:
        job.names.save()
    return outcomes


def keep_only_pixels(dataset: Dataset) -> None:
    """Take out of Pixel Data, in place, what belongs to no pixel: text in streams, padding, bits of overlays.

    Raises:
        InputRefusedError: ``E_COMPRESSION``: a stream of an unknown method, or one that cannot be followed to its end.
    """
    syntax, pixels = dataset.file_meta.TransferSyntaxUID, dataset.Rows * dataset.Columns
    if syntax.is_compressed:
        check_method(syntax)
        dataset.PixelData = without_text(dataset.PixelData, syntax, pixels=pixels)
    else:
        stored = decode(dataset)
        order = "<" if syntax.is_little_endian else ">"
        words = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
        dataset.PixelData = words + bytes(len(words) % 2)


def _write_once(content: bytes, path: Path) -> CopyOutcome:
    """Write a file unless it stands there; never two contents under one UID.

    Raises:
        InputRefusedError: ``E_DUPLICATE_UID``.
        OSError: the file cannot be written.
    """
    if is_plain_file(path):
        if path.read_bytes() == content:
            return CopyOutcome.KEPT
        reason = "other content stands under its new UID; delete that file, or name another output folder."
        raise InputRefusedError("E_DUPLICATE_UID", reason)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return CopyOutcome.WRITTEN


def _check_call(inputs: Sequence[str | Path], output: Path, map_path: Path) -> None:
    if not inputs:
        raise WrongCallError("no input is named; give mammograms or folders of them.")
    if map_path.resolve().is_relative_to(output.resolve()):
        raise WrongCallError(f"the map '{map_path}' lies in the output, where it would be given away with the images.")


def _finish(outcomes: Sequence[CopyOutcome], job: _CopyJob, passed_over: int) -> None:
    """Say what came out, and raise what the exit code follows from."""
    refused = outcomes.count(CopyOutcome.REFUSED)
    beside = say_passed_over(passed_over)
    if job.unstated:
        print(
            f"WARNING: {format_count(job.unstated, 'file')} without a word on text burned into the pixels; "
            "look at them.",
            file=sys.stderr,
        )
    the_way_back = f"; the way back: {job.names.path}" if job.names.path.exists() else ""
    print(
        f"{outcomes.count(CopyOutcome.WRITTEN)} written, {outcomes.count(CopyOutcome.KEPT)} kept, "
        f"{refused} refused{beside}: "
        f"{job.output}{the_way_back}"
    )
    if refused == len(outcomes):
        raise NothingUsableError(
            f"none of {format_count(refused, 'file')} could be used; the reasons are above."
            if outcomes
            else say_no_file(passed_over, to="deidentify")
        )
    if refused:
        raise PartlyRefusedError(f"{refused} of {format_count(len(outcomes), 'file')} refused; the reasons are above.")
