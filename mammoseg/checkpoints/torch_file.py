"""Files of `torch.save`, read without running anything, in no more memory than the file has bytes.

`torch.load` with ``weights_only=True`` runs no foreign code either, but it calls what a file names from a list of its
own: 100 bytes can ask it for a bytearray of terabytes, a compressed archive grows a thousandfold, and the checksums of
the archive are not looked at. This reader knows what `torch.save` writes for plain values and dense tensors, and no
more.
"""

import io
import math
import pickle
import re
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mammoseg.checkpoints.weights_file import WeightsError

MOST_BYTES = 2**33
"""Largest file. The largest bundle has 811 MB of weights, three times that with the state of its optimizer."""

MOST_ENTRIES = 20_000
"""Most tensors and other entries; the bundle with the most has 1,102 of its network and as many of its optimizer."""

MOST_PICKLE_BYTES = 2**22
"""Longest description of what the tensors are for; that of the same bundle has 0.2 MB."""

ENTRY = re.compile(r"data\.pkl|data/\d+|version|byteorder|\.[a-z_/]+")
"""Names of the entries, below a folder that all share."""

DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
}
"""Kinds of numbers that a network or an optimizer has, by what `torch.save` calls them."""

OPERATIONS = (
    *(pickle.PROTO, pickle.STOP, pickle.MARK, pickle.GLOBAL, pickle.REDUCE, pickle.BUILD, pickle.BINPERSID),
    *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BINFLOAT, pickle.BINUNICODE),
    *(pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1),
    *(pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS, pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS),
    *(pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3),
    *(pickle.BINPUT, pickle.LONG_BINPUT, pickle.BINGET, pickle.LONG_BINGET),
)
"""What `torch.save` writes, protocol 2 of pickle; none of it makes an object of a class or a number of megabytes."""


class Storage(NamedTuple):
    """A block of numbers."""

    values: Tensor


def read_torch_file(path: Path) -> Any:
    """Plain values, lists, tuples, dictionaries and dense tensors of a file, on the CPU.

    Raises:
        WeightsError: the file is damaged, cannot be read, or holds anything else.
    """
    try:
        return _Reader(_read_entries(path)).load()
    except WeightsError as error:
        raise WeightsError(f"{path} {error}") from error
    except Exception as error:  # zipfile and pickle raise what they come upon
        raise WeightsError(f"{path} is damaged or not a checkpoint.") from error


def require_size_to_read(path: Path) -> int:
    """Bytes of a file of weights, which are not more than anyone's network has.

    Raises:
        WeightsError: they are; the text lacks the name of the file.
    """
    if (size := path.stat().st_size) > MOST_BYTES:
        raise WeightsError(f"has {size:,} bytes, at most {MOST_BYTES:,} are read.")
    return size


def _read_entries(path: Path) -> dict[str, bytearray]:
    """Bytes of all entries by their names below the common folder, once their checksums agree."""
    size = require_size_to_read(path)
    if not zipfile.is_zipfile(path):
        raise WeightsError("is damaged or not a checkpoint; PyTorch has written zip archives since version 1.6.")
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if len(infos) > MOST_ENTRIES or sum(info.file_size for info in infos) > size:
            raise WeightsError("is damaged or not a checkpoint: its archive claims more than the file has.")
        if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
            raise WeightsError("is compressed, as torch.save never does; unpack it and save it again.")
        folder = infos[0].filename.partition("/")[0] + "/"
        names = [info.filename.removeprefix(folder) if info.filename.startswith(folder) else "" for info in infos]
        if len({*names}) < len(names) or not all(map(ENTRY.fullmatch, names)):
            raise WeightsError(MORE_THAN_VALUES)
        return {name: bytearray(archive.read(info)) for name, info in zip(names, infos, strict=True)}


MORE_THAN_VALUES = "holds more than tensors and plain values, so it is not loaded."


class _Reader(pickle._Unpickler):  # private, of Python
    """Python's own unpickler, whose every power is taken away but those of `OPERATIONS` and `find_class`.

    Not the faster one in C, which makes room for as many memoised objects as a file claims.
    """

    dispatch = {code[0]: pickle._Unpickler.dispatch[code[0]] for code in OPERATIONS}  # private, of Python

    def __init__(self, entries: dict[str, bytearray]) -> None:
        if entries.get("byteorder", b"little") != b"little":
            raise WeightsError("was written on a machine of another byte order; save it again on a common one.")
        if len(entries["data.pkl"]) > MOST_PICKLE_BYTES:
            raise WeightsError("describes more than any network has.")
        super().__init__(io.BytesIO(entries["data.pkl"]))
        self._entries = entries
        self._storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """What stands for the few things a file may name; made anew for each file, so that none can be changed."""
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        if module == "torch" and name.endswith("Storage"):
            raise WeightsError("has a tensor of numbers that no network has, such as small integers or complex ones.")
        known: dict[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): lambda: OrderedDict(),
            ("collections", "Counter"): lambda counts: Counter(counts),
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        }
        if (module, name) not in known:
            raise WeightsError(MORE_THAN_VALUES)
        return known[module, name]

    def persistent_load(self, pid: Any) -> Storage:
        """The numbers that ``("storage", kind, entry, device, count)`` stands for, wherever they were."""
        _, dtype, entry, _, count = pid
        if entry not in self._storages:
            content = self._entries[f"data/{entry}"]
            if len(content) != count * dtype.itemsize:
                raise WeightsError("is damaged: a tensor has more or fewer bytes than it needs.")
            self._storages[entry] = Storage(torch.frombuffer(content, dtype=dtype) if count else torch.empty(0))
        if (found := self._storages[entry]).values.dtype != dtype:
            raise WeightsError("is damaged: the same bytes stand for numbers of two kinds.")
        return found

    def load_build(self) -> None:
        """Leave out what an object has beyond its content: the versions of the modules in a state dictionary."""
        self.stack.pop()  # type: ignore[attr-defined]  # typeshed does not know the stack

    dispatch[pickle.BUILD[0]] = load_build  # type: ignore[assignment]  # its keys are methods of this class too


def _rebuild_tensor(storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Tensor:
    """A tensor that lies whole and in order within its storage, not one that repeats a number a million times."""
    count = math.prod(size)
    if not (min(size, default=0) >= 0 <= offset and offset + count <= len(storage.values)):
        raise WeightsError("is damaged: a tensor is larger than the bytes it has.")
    tensor = storage.values.as_strided(size, stride, offset)
    if not tensor.is_contiguous():
        raise WeightsError("has a tensor whose numbers do not lie in order; save it after `.contiguous()`.")
    return tensor
