"""Files that appear whole or not at all, and their digests."""

import errno
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mammoseg.errors import MammosegError, WrongCallError


@contextmanager
def atomic_path(path: Path, *, mode: int = 0o666) -> Iterator[Path]:
    """Give a temporary path beside `path`; flush it to disk and rename it to `path` when the block ends well.

    If the block raises, or the disk is full, nothing stands at `path` that was not there before.

    Args:
        mode: of the file, as far as the umask allows it; the temporary one is never open to others.

    Raises:
        OSError: when the folder cannot be written or the disk is full, with `path` as its filename.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=f".tmp{path.suffix}")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(mode & ~_umask())
        flush_to_disk(temporary)
        temporary.replace(path)
        flush_to_disk(path.parent)
    except Exception as error:
        _raise_as_of_the_disk(error, path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def check_folder(folder: Path) -> None:
    """See whether files can be written to a folder, which may still have to be made; nothing is left behind.

    Raises:
        WrongCallError: they cannot.
    """
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            folder.lstat()  # finds names that no folder can have
        nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(path))
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise WrongCallError(f"'{folder}' cannot be written to ({reason}); name another folder.") from error


def remove_leftovers(folder: Path) -> None:
    """Remove what writers of `atomic_path` left directly in `folder` when they were killed; none may be at work."""
    for leftover in folder.glob(".*-*.tmp*"):
        leftover.unlink(missing_ok=True)


@contextmanager
def sole_writer(folder: Path, lock: Path) -> Iterator[None]:
    """Hold `folder` for one process while the block runs; the system lets go of it when the process dies.

    Raises:
        MammosegError: another process holds it.
        OSError: the lock cannot be made.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MammosegError(
                f"another process is writing to '{folder}'; wait for its end or name another folder."
            ) from None
        yield


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def printable(path: Path | str) -> str:
    """A path, or a text out of a file, on one line of valid text, whatever letters it has."""
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def leads_out(path: Path, folder: Path) -> bool:
    """Whether `path`, found in `folder`, is a link to somewhere else."""
    return path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())


def sha256_of_file(path: Path) -> str:
    """Hexadecimal SHA-256 of the bytes of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_json(content: Any) -> str:
    """Hexadecimal SHA-256 of a JSON value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def flush_to_disk(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _raise_as_of_the_disk(error: Exception, path: Path) -> None:
    """Raise what the disk is to blame for as its `OSError` about `path`, since libraries say of it what they please."""
    if os.statvfs(path.parent).f_bavail == 0:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
    if isinstance(error, OSError):
        said = error.strerror or f"cannot be written ({error})"
        raise OSError(error.errno or errno.EIO, said, error.filename or str(path)) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
