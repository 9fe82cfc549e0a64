"""Send DICOM files, such as the results of `mammoseg predict`, to an archive: DICOMweb or C-STORE."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mammoseg.data.find_images import find_inputs
from mammoseg.dicomweb.stored import Stored, StoreStatus
from mammoseg.errors import MammosegError, NothingUsableError, WrongCallError
from mammoseg.files import printable


class PartlySentError(MammosegError):
    """Some files were not stored, the others were."""

    exit_code = 1


def send(
    *inputs: str | Path,
    to: str,
    user: str | None = None,
    ca_bundle: str | Path | None = None,
    calling_aet: str = "MAMMOSEG",
    verify: bool = False,
    as_json: bool = False,
) -> None:
    """Store all DICOM files of `inputs`, and print what became of them.

    Args:
        inputs: files, and folders, which are searched to the bottom; what in a folder is no DICOM file is passed over.
        to: ``https://[user@]host/dicom-web`` or ``dicom://AET@host:port``.
        user: name at a DICOMweb archive; the password comes from the environment or ~/.netrc, see `connect`.
        ca_bundle: certificates of the authority that signed the archive's own.
        calling_aet: our own title for C-STORE.
        verify: fetch each instance again and compare; DICOMweb only.
        as_json: print one JSON record a file, on stdout.

    Raises:
        WrongCallError: no input, an address that is none, the wrong password.
        PartlySentError: some files were refused.
        NothingUsableError: all were refused, or there was none.
    """
    if not inputs:
        raise WrongCallError("no file is named; name DICOM files or folders.")
    paths = dicom_files([Path(path) for path in inputs])
    if not paths:
        raise NothingUsableError("there is no DICOM file; name the folder of the results.")
    results = _store(paths, str(to), user, ca_bundle, str(calling_aet), verify)
    for result in results:
        if as_json:
            print(json.dumps(result.as_record()))
        if not result.ok and result.path is not None:
            print(f"{printable(result.path)}: {result.code}: {result.reason}", file=sys.stderr)
    _conclude(results)


def dicom_files(inputs: Sequence[Path]) -> list[Path]:
    """Every file that is named, and those of folders that begin as DICOM files do, PS3.10 7.1."""
    named = {path for path in inputs if not path.is_dir()}
    paths, _ = find_inputs(inputs)
    return [path for path in paths if path in named or _begins_as_dicom(path)]


def _begins_as_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _store(
    paths: list[Path], to: str, user: str | None, ca_bundle: str | Path | None, calling_aet: str, verify: bool
) -> list[Stored]:
    if to.startswith("dicom://"):
        if verify or user or ca_bundle:
            raise WrongCallError("--verify, --user and --ca_bundle are for DICOMweb; C-STORE has none of them.")
        from mammoseg.dimse import Peer, c_store

        return c_store(paths, Peer.from_address(to), calling_aet=calling_aet)
    if not to.startswith(("http://", "https://")):
        raise WrongCallError("--to is an address: https://host/dicom-web or dicom://AET@host:port.")
    from mammoseg.dicomweb.store import store_files

    return store_files(to, paths, user=user, ca_bundle=ca_bundle, verify=verify)


def _conclude(results: Sequence[Stored]) -> None:
    count = {status: sum(result.status is status for result in results) for status in StoreStatus}
    summary = (
        f"{count[StoreStatus.STORED]} stored, {count[StoreStatus.KEPT]} there already, "
        f"{count[StoreStatus.REFUSED]} refused."
    )
    if count[StoreStatus.REFUSED] == len(results):
        raise NothingUsableError(summary)
    if count[StoreStatus.REFUSED]:
        raise PartlySentError(summary)
    print(summary, file=sys.stderr)
