"""A bundle as a folder: as it is, or out of its zip, of which only what is harmless to write is written."""

import errno
import shutil
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory

from mammoseg.audit.finding import Finding
from mammoseg.errors import NothingUsableError, OutputError, say_reason
from mammoseg.files import as_printable

MOST_BYTES = 2**34
"""Size of the largest bundle that is unpacked. The largest of ours has 0.8 GB."""

MOST_ENTRIES = 100_000

MOST_GROWTH = 100
"""Bytes that one byte of an archive becomes at most; text becomes about 10, nothing but zeros 1,000."""

GROWS_FREELY = 2**20
"""Bytes of an entry below which its growth does not matter."""

OF_THE_NAME = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL, errno.ENOENT)
"""What is said of a name that a file cannot have, or not beside the others; all else is the disk's own fault."""


@contextmanager
def unpacked(bundle: Path) -> Iterator[tuple[Path, list[Finding]]]:
    """The folder of a bundle, and what its archive has that was not unpacked.

    Raises:
        NothingUsableError: `bundle` is neither a folder nor a zip that can be read.
        OutputError: there is no room to unpack it.
    """
    if bundle.is_dir():
        yield bundle, []
        return
    if not bundle.is_file():
        raise NothingUsableError(f"there is no folder or file '{as_printable(bundle)}'.")
    with TemporaryDirectory(prefix="mammoseg-audit-") as temporary:
        folder = Path(temporary)
        try:
            with zipfile.ZipFile(bundle) as archive:
                findings = _unpack(archive, folder)
        except OutputError:
            raise
        except Exception as error:  # zipfile raises what it comes upon
            raise NothingUsableError(f"{as_printable(bundle)} is no zip, or a damaged one.") from error
        inside = list(folder.iterdir())
        is_wrapped = len(inside) == 1 and inside[0].is_dir() and inside[0].name != "configs"
        yield (inside[0] if is_wrapped else folder), findings


def _unpack(archive: zipfile.ZipFile, folder: Path) -> list[Finding]:
    infos = archive.infolist()
    if len(infos) > MOST_ENTRIES or sum(info.file_size for info in infos) > MOST_BYTES:
        return [Finding("archive", ".", "", f"holds more than {MOST_ENTRIES:,} files or {MOST_BYTES:,} bytes")]
    findings, names = [], set()
    for info in infos:
        name = info.filename
        place = PurePosixPath(name).as_posix().casefold()
        if fault := _find_fault(info, taken=place in names):
            findings.append(Finding("archive", as_printable(name), "", fault))
        elif not info.is_dir():
            try:
                _write_entry(archive, info, folder / name)
            except OSError as error:
                if error.errno not in OF_THE_NAME:
                    raise OutputError(
                        f"there is no room to unpack it ({say_reason(error)}); free space in {folder.parent}, "
                        "or name a folder with more of it by TMPDIR."
                    ) from error
                findings.append(Finding("archive", as_printable(name), "", "has a name that no file here can have"))
        names.add(place)
    return findings


def _write_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 2**20)


def _find_fault(info: zipfile.ZipInfo, *, taken: bool) -> str | None:
    name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
    if ".." in PurePosixPath(name).parts or name.startswith("/") or "\\" in name or PureWindowsPath(name).drive:
        return "lies outside of the bundle when it is unpacked"
    if taken:
        return "is in the archive twice"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if info.flag_bits & 1:
        return "is encrypted"
    if info.file_size > max(GROWS_FREELY, MOST_GROWTH * info.compress_size):
        return f"grows more than {MOST_GROWTH} times when it is unpacked"
    return None
