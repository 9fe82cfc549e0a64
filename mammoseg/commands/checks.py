"""What is wrong with a call that can be said before torch is imported, which takes seconds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mammoseg.errors import WrongCallError

OUTPUTS = ("output", "output_dir", "ckpt_dir", "cache_dir")
"""Options that name a folder to write to."""

OWN_FILES = ("map_file", "key_file")
"""Options that name a file to write, or to go on with."""

WEIGHTS = ("weights", "start_from")
"""Options that name a checkpoint."""

READ = (
    *WEIGHTS,
    "best_checkpoint",
    "boxes",
    "ca_bundle",
    "datalist",
    "dataset_dir",
    "encoder_weights",
    "evaluation_dir",
    "masks",
    "plan",
    "speed",
    "stranger",
    "table",
    "test_patients",
)
"""Options that name what is read."""

CHOOSING = ("study", "patient", "date", "user", "name", "title")
"""Options that choose or name something; an empty one would stand for everything, or for none."""


def check_given(inputs: Sequence[str], options: Mapping[str, Any]) -> None:
    """Refuse empty names, as a script gives for a variable that is not set: they stand for the folder it started in.

    Raises:
        WrongCallError: an input, file, folder or name is ``""``.
    """
    if "" in inputs:
        raise WrongCallError("an input is ''; name a file or folder.")
    if empty := [name for name in (*OUTPUTS, *OWN_FILES, *READ) if "" in _as_list(options.get(name))]:
        raise WrongCallError(f"{empty[0]} is ''; name a file or folder.")
    if empty := [name for name in CHOOSING if options.get(name) == ""]:
        raise WrongCallError(f"{empty[0]} is ''; give a value, or leave it out.")


def check_names(*, bundle: str | None = None, **others: Any) -> None:
    """Look whether what is named to be read is there, and what is named to be written can be.

    Raises:
        MammosegError: naming the bundle or checkpoint that is not there, or the file or folder that cannot be written.
    """
    from mammoseg.bundles import locate_bundle
    from mammoseg.checkpoints.weights_file import list_named_weights, require_weights
    from mammoseg.files import check_folder, is_neither_file_nor_folder, say_neither

    for path in (Path(str(path)) for name in READ if name in others for path in _as_list(others[name])):
        if is_neither_file_nor_folder(path):  # opening a pipe would wait for ever
            raise WrongCallError(say_neither(path))
    for folder in (others[name] for name in OUTPUTS if name in others):
        check_folder(Path(str(folder)))
    map_file, key_file = (others.get(name) for name in OWN_FILES)
    if map_file is not None and map_file == key_file:
        raise WrongCallError(f"map_file and key_file are both '{map_file}'; name two files.")
    for file in (Path(others[name]) for name in OWN_FILES if name in others):
        if file.is_dir():
            raise WrongCallError(f"'{file}' is a folder; name a file.")
        check_folder(file.parent)
    if bundle is not None:
        locate_bundle(bundle)
    for weights in (others[name] for name in WEIGHTS if others.get(name) is not None):
        list_named_weights(weights) if isinstance(weights, list) else require_weights(weights)


def _as_list(given: Any) -> list[Any]:
    """Values of an option that may be given several times."""
    return given if isinstance(given, list) else [given]
