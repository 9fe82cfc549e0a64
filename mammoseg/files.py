"""Files that appear whole or not at all, and their digests."""

import errno
import fcntl
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mammoseg.errors import InputRefusedError, MammosegError, OutputError, WrongCallError, say_reason
from mammoseg.folders import is_file, is_folder, is_plain_file

SHA256 = re.compile("[0-9a-f]{64}")
"""What `hash_file` gives."""


@contextmanager
def atomic_path(path: Path, *, mode: int = 0o666, first_stays: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`; flush it to disk and rename it to `path` when the block ends well.

    If the block raises, or the disk is full, nothing stands at `path` that was not there before.

    Args:
        mode: permissions of the file, as far as the umask allows it; the temporary one is never open to others.
        first_stays: leave a file that another process has put at `path` before; where the file system has no links, one
            that comes at the very same moment is replaced.

    Raises:
        OSError: when the folder cannot be written or the disk is full, or a device stands at `path`, with that as its
            filename.

    Examples:
        >>> from pathlib import Path
        >>> from mammoseg.files import atomic_path
        >>> with atomic_path(Path("note.txt")) as temporary:
        ...     characters = temporary.write_text("whole or not at all")
        ...     Path("note.txt").exists()
        False
        >>> Path("note.txt").read_text()
        'whole or not at all'
    """
    if path.is_char_device() or path.is_block_device():  # renaming over /dev/null would take it from everybody
        raise FileExistsError(errno.EEXIST, "a device, which is not replaced by a file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=f".tmp{path.suffix}")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(mode & ~_read_umask())
        flush_to_disk(temporary)
        if not (first_stays and _link(temporary, path)):
            temporary.replace(path)
        flush_to_disk(path.parent)
    except Exception as error:
        _raise_as_of_the_disk(error, path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder` and rename it to `folder` when the block ends well.

    Raises:
        WrongCallError: `folder` is a file or holds something, before the block or after it.
    """
    check_empty(folder)
    with _gone_if_empty(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as parent:
            temporary = Path(parent) / folder.name
            temporary.mkdir()
            yield temporary
            try:
                temporary.replace(folder)
            except OSError:
                check_empty(folder)  # another process was faster
                raise


def check_empty(folder: Path) -> None:
    """See whether a folder is new, or has nothing in it.

    Raises:
        WrongCallError: it is a file, or holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WrongCallError(f"{folder} exists and is not empty; name a new folder.")


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
        reason = say_reason(error)
        raise WrongCallError(f"'{folder}' cannot be written to ({reason}); name another folder.") from error


def remove_leftovers(folder: Path) -> None:
    """Remove what writers of `atomic_path` left directly in `folder` when they were killed; none may be at work."""
    for leftover in folder.glob(".*-*.tmp*"):
        if is_plain_file(leftover):
            leftover.unlink(missing_ok=True)


@contextmanager
def sole_writer(folder: Path, lock: Path, *, waits: bool = False) -> Iterator[None]:
    """Hold `folder` for one process while the block runs; the system lets go of it when the process dies.

    Args:
        lock: file that stands for the folder meanwhile. A link at its place is not followed.
        waits: whether to wait for the end of another process, instead of refusing.

    Raises:
        MammosegError: another process holds it.
        OSError: the lock cannot be made.
    """
    with _gone_if_empty(lock.parent):
        try:
            handle = _take_lock(lock, waits=waits)
        except BlockingIOError:
            raise MammosegError(
                f"another process is writing to '{folder}'; wait for its end or name another folder."
            ) from None
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
            os.close(handle)


@contextmanager
def made_output(output: Path, *, mode: int = 0o777) -> Iterator[None]:
    """Make the output folder of a command, with those above it; gone again where the block fails and left it empty.

    Args:
        mode: permissions of the folder itself, less the user's mask.
    Raises:
        WrongCallError: it cannot be made.
    """
    with _gone_if_empty(output):
        try:
            output.mkdir(parents=True, exist_ok=True, mode=mode)
        except OSError as error:
            raise WrongCallError(
                f"output '{output}' cannot be made ({say_reason(error)}); name a folder to write to."
            ) from error
        yield


@contextmanager
def output_errors(output: Path) -> Iterator[None]:
    """Turn errors of the file system into an `OutputError` that says what to do.

    Raises:
        OutputError: what was written in the block could not be.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"results cannot be written to '{output}' ({say_reason(error)}); free space or mend its permissions "
            "and run the same command again: what is done is kept."
        ) from error


def is_neither_file_nor_folder(path: Path) -> bool:
    """Whether something of this name is there from which nothing is read, see `say_neither`."""
    return os.path.lexists(path) and not (is_file(path) or is_folder(path))


def say_neither(path: Path) -> str:
    """What to do about a name of which `is_neither_file_nor_folder` holds."""
    return (
        f"'{as_printable(path)}' is neither a file nor a folder, but a pipe, a device or a link that leads nowhere; "
        "name a file or a folder."
    )


def make_no_file_error() -> InputRefusedError:
    """The refusal of a name that leads to no regular file."""
    return InputRefusedError("E_NOT_A_FILE", "there is no regular file of this name; check the path.")


def make_unreadable_error(error: OSError) -> InputRefusedError:
    """The refusal of a file that the system does not give.

    Args:
        error: what the system says.
    """
    return InputRefusedError("E_NOT_A_FILE", f"the file cannot be read ({say_reason(error)}).")


def write_json(path: Path, content: Any, *, mode: int = 0o666, first_stays: bool = False) -> None:
    """Write `content` as indented JSON, whole or not at all; see `atomic_path`."""
    with atomic_path(path, mode=mode, first_stays=first_stays) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path, *, most_bytes: int = 2**20) -> Any:
    """What a JSON file of at most so many bytes holds; nothing is known of it yet.

    Raises:
        OSError: there is no regular file, or it cannot be read.
        ValueError: it is longer, or no JSON.
    """
    _check_regular(path)
    if path.stat().st_size > most_bytes:
        raise ValueError(f"the file is longer than {most_bytes} bytes")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("the file is nested too deep") from error


def as_printable(path: Path | str) -> str:
    """A path, or a text out of a file, on one line of valid text, whatever letters it has."""
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def hash_file(path: Path) -> str:
    """Hexadecimal SHA-256 of the bytes of a file.

    Raises:
        OSError: there is no regular file, or it cannot be read.
    """
    _check_regular(path)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def hash_json(content: Any) -> str:
    """Hexadecimal SHA-256 of a JSON value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def flush_to_disk(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _gone_if_empty(folder: Path) -> Iterator[None]:
    """Remove `folder` and those above it that were absent where the block fails, as far as nothing is in them."""
    real = Path(os.path.realpath(folder))  # ``absent/../there`` would begin to be there
    absent = [path for path in (real, *real.parents) if not os.path.lexists(path)]
    try:
        yield
    except BaseException:
        with suppress(OSError):  # there is something in it
            for path in absent:
                path.rmdir()
        raise


def _raise_as_of_the_disk(error: Exception, path: Path) -> None:
    """Raise what the disk is to blame for as its `OSError` about `path`, since libraries say of it what they please."""
    if _is_full(path.parent):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
    if isinstance(error, OSError):
        said = error.strerror or f"cannot be written ({error})"
        raise OSError(error.errno or errno.EIO, said, error.filename or str(path)) from error


def _is_full(folder: Path) -> bool:
    """Whether the disk has no room; a folder that is gone, and a file system that tells no sizes, do not say so."""
    try:
        space = os.statvfs(folder)
    except OSError:
        return False
    return space.f_bavail == 0 < space.f_blocks


def _take_lock(lock: Path, *, waits: bool) -> int:
    """Handle of the lock file, locked; made anew where its last holder has removed it, or its folder, meanwhile.

    Raises:
        BlockingIOError: another process has it.
        OSError: it cannot be made.
    """
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), lock.stat()):
                    return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _link(file: Path, path: Path) -> bool:
    """Whether something stands at `path` now: `file`, or what was put there before it."""
    try:
        path.hardlink_to(file)
    except FileExistsError:
        return True
    except OSError:  # a file system without links
        return os.path.lexists(path)
    return True


def _check_regular(path: Path) -> None:
    """Refuse what would be read for ever, such as a pipe that nobody writes to."""
    if not is_file(path):
        raise FileNotFoundError(errno.ENOENT, "there is no regular file", str(path))


def _read_umask() -> int:
    """The umask of this process as Linux lists it: read by changing it, files of other threads would be open to all."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.partition("\nUmask:")[2].split(maxsplit=1)[0], 8)
