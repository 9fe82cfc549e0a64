"""Files into an archive by C-STORE (PS3.4 annex B), the older way beside DICOMweb; pixels are never transcoded."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    UID_dictionary,
)
from pynetdicom import AE, _config  # private, of pynetdicom
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import
from tqdm import tqdm

from mammoseg.archives.dicomweb.status import is_success, say_failure
from mammoseg.archives.dicomweb.stored import Stored, StoreStatus, open_checked
from mammoseg.dicom.gate import is_uid
from mammoseg.dicom.parse import open_dicom
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.dicom.values import read_text
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.files import make_unreadable_error

TITLE = re.compile(r"[!-\[\]-~]{1,16}")
"""Printable ASCII without blank and backslash: what PS3.5 6.2 leaves of an AE where blanks do not count."""

ADDRESS = re.compile(r"dicom://(?P<aet>[^@/]+)@(?P<host>[^@/:\s]+):(?P<port>\d{1,5})/?")

TIMEOUT_SECONDS = 30.0
"""For the connection, for its negotiation, and for each answer."""

NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
"""Uncompressed, little endian; every archive that keeps PS3.5 10.1 takes the second."""

MOST_CONTEXTS = 127
"""Presentation contexts of one association beside that of the echo; 128 is the limit of PS3.8 9.3.2.2."""


@dataclass(frozen=True)
class Peer:
    """Who stores: application entity title, host and port."""

    aet: str
    host: str
    port: int

    @classmethod
    def from_address(cls, address: str) -> "Peer":
        """Read ``dicom://AET@host:port``.

        Raises:
            WrongCallError: it is none.
        """
        match = ADDRESS.fullmatch(address)
        if match is None or not TITLE.fullmatch(match["aet"]) or not 0 < int(match["port"]) < 2**16:
            raise WrongCallError(
                "the address of a C-STORE is dicom://AET@host:port, AET of 1 to 16 letters of ASCII without blanks."
            )
        return cls(match["aet"], match["host"], int(match["port"]))

    def __str__(self) -> str:
        return f"{self.aet} at {self.host}:{self.port}"


@no_header_values_in_warnings()
def c_store(
    paths: Sequence[Path], peer: Peer, *, calling_aet: str = "MAMMOSEG", timeout: float = TIMEOUT_SECONDS
) -> list[Stored]:
    """Store files as they are, and say what became of each, in their order; an echo comes first.

    C-STORE cannot tell whether the archive holds other content under the same UID; DICOMweb can.

    Raises:
        WrongCallError: `calling_aet` is no title.
    """
    if not TITLE.fullmatch(calling_aet):
        raise WrongCallError("--calling_aet has 1 to 16 letters of ASCII, no blank and no backslash.")
    read = [_read(path) for path in paths]
    files = [file for file in read if isinstance(file, _File)]
    outcome: dict[Path, Stored] = {}
    with tqdm(total=len(files), unit="file", desc="store", disable=None) as progress:
        for file, sent in zip(files, _send(files, peer, calling_aet, timeout), strict=True):
            outcome[file.path] = sent
            progress.update()
    return [outcome[one.path] if isinstance(one, _File) else one for one in read]


@dataclass(frozen=True)
class _File:
    """A file that can be sent.

    Attributes:
        stored: what becomes of it if all goes well.
        kind: SOP class and transfer syntax.
    """

    path: Path
    stored: Stored
    kind: tuple[UID, UID]


def _read(path: Path) -> _File | Stored:
    """A file that can be sent, or its refusal."""
    try:
        dataset, instance = open_checked(path)
        sop_class = UID(read_text(dataset.file_meta, "MediaStorageSOPClassUID"))
        if not is_uid(sop_class):
            reason = "the UID of the SOP class in the File Meta Information is missing or no UID."
            raise InputRefusedError("E_DICOM_UID", reason)
    except InputRefusedError as error:
        return Stored(path, "", StoreStatus.REFUSED, error.code, error.reason)
    stored = Stored(path, instance.sop, StoreStatus.STORED)
    return _File(path, stored, (sop_class, dataset.file_meta.TransferSyntaxUID))


def _build_contexts(files: Sequence[_File]) -> list[PresentationContext]:
    """One context for each pair of SOP class and transfer syntax, so that the choice among the syntaxes is ours."""
    kinds = dict.fromkeys(
        (sop_class, syntax)
        for sop_class, own in dict.fromkeys(file.kind for file in files)
        for syntax in _list_syntaxes(own)
    )
    return [build_context(sop_class, [syntax]) for sop_class, syntax in kinds][:MOST_CONTEXTS]


def _list_syntaxes(own: UID) -> list[UID]:
    """Transfer syntaxes in which a file may go, the best first: as it is, or its data set written in another one."""
    return list(dict.fromkeys([own, *NATIVE])) if own in (*NATIVE, DeflatedExplicitVRLittleEndian) else [own]


def _send(files: Sequence[_File], peer: Peer, calling_aet: str, timeout: float) -> Iterator[Stored]:
    if not files:
        return
    _config.STORE_SEND_CHUNKED_DATASET = True  # the bytes of the file, never decoded
    entity = AE(ae_title=calling_aet)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = timeout
    association = entity.associate(
        peer.host, peer.port, contexts=[build_context(Verification), *_build_contexts(files)], ae_title=peer.aet
    )
    try:
        failure = _say_why_not(association, peer)
        for file in files:
            if failure:
                yield file.stored.as_refused("E_ARCHIVE", failure, has_answer=False)
                continue
            yield _store_one(file, association)
            if not association.is_established:
                failure = f"{peer} ended the connection; send the rest again."
    finally:
        if association.is_established:
            association.release()


def _say_why_not(association: Association, peer: Peer) -> str:
    """Empty when the peer answers an echo (PS3.4 annex A)."""
    if association.is_rejected:
        return f"{peer} rejects the connection; check both AE titles with its administrator."
    if not association.is_established:
        return f"{peer} cannot be reached."
    accepted = {context.abstract_syntax for context in association.accepted_contexts}
    if Verification in accepted and association.send_c_echo().get("Status") != 0:
        return f"{peer} does not answer an echo."
    return ""


def _store_one(file: _File, association: Association) -> Stored:
    accepted = {(context.abstract_syntax, context.transfer_syntax[0]) for context in association.accepted_contexts}
    sop_class, own = file.kind
    syntax = next((syntax for syntax in _list_syntaxes(own) if (sop_class, syntax) in accepted), None)
    if syntax is None:
        return file.stored.as_refused("E_ARCHIVE", f"the archive does not take {_name(sop_class)} in {_name(own)}.")
    try:
        sent = file.path if syntax == own else open_dicom(file.path)
    except InputRefusedError as error:
        return file.stored.as_refused(error.code, error.reason)
    try:
        status = association.send_c_store(sent).get("Status")
    except ValueError:
        reason = f"the archive takes {_name(syntax)}, in which this file cannot be written."
        return file.stored.as_refused("E_ARCHIVE", reason)
    except FileNotFoundError as error:
        gone = make_unreadable_error(error)
        return file.stored.as_refused(gone.code, gone.reason)
    except MemoryError:
        raise
    except Exception:  # whatever pynetdicom raises over an association that ended
        status = None
    if status is None:
        return file.stored.as_refused("E_ARCHIVE", "the archive did not answer in time or ended the connection.")
    if is_success(status):
        return file.stored
    return file.stored.as_refused("E_ARCHIVE", f"the archive refuses it: {say_failure(status)}.")


def _name(uid: UID) -> str:
    """Name of a UID; one of nobody's dictionary is not repeated, as it may name a maker or a person."""
    return uid.name if uid in UID_dictionary else "what no dictionary names"
