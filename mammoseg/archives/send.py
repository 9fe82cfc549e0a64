"""Send DICOM files, such as the results of `mammoseg predict`, to an archive: DICOMweb or C-STORE."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mammoseg.archives.dicomweb.stored import Stored, StoreStatus
from mammoseg.counts import format_count
from mammoseg.data.find_images import find_dicom_files
from mammoseg.errors import MammosegError, NothingUsableError, WrongCallError
from mammoseg.files import as_printable

CALLING_AET = "MAMMOSEG"
"""Our own title for C-STORE."""


class PartlySentError(MammosegError):
    """Some files were not stored, the others were."""

    exit_code = 1


def send(
    *inputs: str | Path,
    to: str,
    user: str | None = None,
    ca_bundle: str | Path | None = None,
    calling_aet: str = CALLING_AET,
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
    paths, passed_over = find_dicom_files([Path(path) for path in inputs])
    if passed_over:
        print(f"{format_count(passed_over, 'file')} of the folders passed over: no DICOM.", file=sys.stderr)
    if not paths:
        raise NothingUsableError("there is no DICOM file; name the folder of the results.")
    results = store_to(paths, str(to), user=user, ca_bundle=ca_bundle, calling_aet=str(calling_aet), verify=verify)
    for result in results:
        if as_json:
            print(json.dumps(result.as_record()))
        if not result.ok and result.path is not None:
            print(f"{as_printable(result.path)}: {result.code}: {result.reason}", file=sys.stderr)
    _finish(results)


def store_to(
    paths: list[Path],
    to: str,
    *,
    user: str | None = None,
    ca_bundle: str | Path | None = None,
    calling_aet: str = CALLING_AET,
    verify: bool = False,
) -> list[Stored]:
    """Store files by the protocol that the address names; see `send` for the arguments.

    Raises:
        WrongCallError: the address or an argument does not fit the protocol.
    """
    check_address(to, user=user, ca_bundle=ca_bundle)
    if to.startswith("dicom://"):
        if verify:
            raise WrongCallError("--verify is for DICOMweb; C-STORE cannot ask for what it sent.")
        from mammoseg.archives.dimse import Peer, c_store

        return c_store(paths, Peer.from_address(to), calling_aet=calling_aet)
    from mammoseg.archives.dicomweb.store import store_files

    return store_files(to, paths, user=user, ca_bundle=ca_bundle, verify=verify)


def check_address(to: str, *, user: str | None = None, ca_bundle: str | Path | None = None) -> None:
    """Refuse an address that nothing can be sent to, before any work is done for it; nothing is sent.

    Raises:
        WrongCallError: no such address, or a user without password.
    """
    if to.startswith("dicom://"):
        if user or ca_bundle:
            raise WrongCallError("--user and --ca_bundle are for DICOMweb; C-STORE has none of them.")
        from mammoseg.archives.dimse import Peer

        Peer.from_address(to)
    elif to.startswith(("http://", "https://")):
        from mammoseg.archives.dicomweb.client import connect

        connect(to, user=user, ca_bundle=ca_bundle)
    else:
        raise WrongCallError("the address is none of https://host/dicom-web and dicom://AET@host:port.")


def _finish(results: Sequence[Stored]) -> None:
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
