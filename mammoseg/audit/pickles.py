"""Pickles under any name and of any protocol, told by their operations, of which none is done."""

import _compat_pickle  # private, of pickle
import pickletools
from pathlib import Path
from typing import IO

from mammoseg.audit.allowed import NAME, can_be_imported

MOST_OPERATIONS = 1_000_000
"""What goes on after so many is taken for a pickle that runs something; a text ends after a few."""

LONGEST_NAME = 200
"""Bytes of a line that are kept; no module has a longer name."""

OPERATIONS = {operation.code.encode("latin-1"): operation for operation in pickletools.opcodes}

NAMING = ("GLOBAL", "INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4")
"""Operations that import what is named; the first two have the name of a module as their first line."""

CALLING = ("REDUCE", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD")
"""Operations that call what was imported, as ``INST`` does too."""

OLD_MODULES = {*_compat_pickle.IMPORT_MAPPING, *(module for module, _ in _compat_pickle.NAME_MAPPING)}
"""Modules of Python 2, for which Python's reader takes those of now."""

BYTES_OF_LENGTH = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


def is_pickle_that_runs(path: Path) -> bool:
    """Whether a file is a pickle that calls something installed.

    Python's reader may end before it comes so far, at a number that is none for one; what is read leniently here is
    more than it can read.
    """
    is_named, size = False, path.stat().st_size
    with path.open("rb") as file:
        for _ in range(MOST_OPERATIONS):
            operation = OPERATIONS.get(file.read(1))
            if operation is None or operation.name == "STOP":
                return False
            module = _skip_argument(file, operation, size=size)
            if operation.name in NAMING:
                names_one = _is_module(module) if operation.name in ("GLOBAL", "INST") else True
                is_named = is_named or names_one
                if operation.name == "INST" and names_one:
                    return True
            elif operation.name in CALLING and is_named:
                return True
    return True


def _is_module(module: str) -> bool:
    return module in OLD_MODULES or (NAME.fullmatch(module) is not None and can_be_imported(module.split(".")[0]))


def _skip_argument(file: IO[bytes], operation: pickletools.OpcodeInfo, *, size: int) -> str:
    """Move behind what follows an operation, or to the end of the file; its first line, if it has one."""
    if operation.arg is None:
        return ""
    count = operation.arg.n
    if count == pickletools.UP_TO_NEWLINE:
        line = _skip_line(file)
        if operation.name in ("GLOBAL", "INST"):
            _skip_line(file)
        return line.decode(errors="replace").strip()
    if count in BYTES_OF_LENGTH:
        count = int.from_bytes(file.read(BYTES_OF_LENGTH[count]), "little")
    file.seek(min(file.tell() + count, size))
    return ""


def _skip_line(file: IO[bytes]) -> bytes:
    """The first bytes of a line, all of which is read."""
    first = line = file.readline(LONGEST_NAME)
    while line and not line.endswith(b"\n"):
        line = file.readline(2**20)
    return first
