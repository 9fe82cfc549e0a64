"""Whether a bundle of somebody else can be run: every file looked through, none of it executed or imported."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mammoseg.audit import configs, content, logging_conf
from mammoseg.audit.finding import Finding
from mammoseg.audit.unpacked import unpacked
from mammoseg.checkpoints.onnx_file import find_faults_in_onnx
from mammoseg.counts import format_count
from mammoseg.deploy.manifest import MANIFEST, ManifestError, check_manifest
from mammoseg.errors import MammosegError, NothingUsableError, WrongCallError
from mammoseg.files import SHA256, as_printable, hash_file
from mammoseg.folders import is_file, is_link_to_folder, leads_out, list_files_below
from mammoseg.provenance import PACKAGE_FOLDER

UNSEEN = (
    "Not seen from outside: whether the weights do what the card says, what a named function does with the values it "
    "is given, and faults of the libraries that the bundle asks for. Run what you do not know without a network."
)
"""What no static look can tell."""

MOST_SHOWN = 40
"""Findings that are printed; ``--json`` has all."""


class AuditError(MammosegError):
    """Something speaks against a bundle."""


def audit(bundle: Path | str, *, allow: Iterable[str] = (), as_json: bool = False) -> None:
    """Look through a bundle and print what speaks against running it.

    Args:
        bundle: folder, or zip of one; it needs no connection to this program.
        allow: SHA-256 of files that were looked through by a person and are let in whatever they hold.
        as_json: print one JSON object instead of lines.
    Raises:
        AuditError: something was found.
        NothingUsableError: `bundle` is no bundle that can be read.
        WrongCallError: what should be let in is no SHA-256.
    """
    bundle, hashes = Path(bundle), {word.lower() for word in allow}
    if wrong := [word for word in hashes if not SHA256.fullmatch(word)]:
        raise WrongCallError(
            f"allow is '{as_printable(wrong[0])}'; give the SHA-256 of a file, 64 digits of 0-9 and a-f."
        )
    with unpacked(bundle) as (folder, in_archive):
        if not any(folder.glob("configs/*.*")):
            inside = [found.parents[1] for found in sorted(bundle.glob("*/configs/*.*"))]
            near = f"; did you mean {as_printable(inside[0])}?" if inside else "."
            raise NothingUsableError(f"{as_printable(bundle)} is no bundle: it has no configs/{near}")
        findings = [*in_archive, *find_faults(folder, allow=frozenset(hashes))]
    if as_json:
        record: dict[str, Any] = {"bundle": str(bundle), "findings": [finding.as_record() for finding in findings]}
        print(json.dumps(record | {"not_seen": UNSEEN}, indent=2))
    else:
        _print(findings)
    if findings:
        kinds = Counter(finding.kind for finding in findings)
        found = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
        raise AuditError(
            f"{format_count(len(findings), 'finding')} in {as_printable(bundle)} ({found}); do not run it unread."
        )


def find_faults(folder: Path, *, allow: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """What speaks against a bundle's folder, file by file, then as a whole; see `audit`."""
    yield from find_faults_in_files(folder, allow=allow)
    yield from _find_faults_of_whole(folder)


def find_faults_in_files(folder: Path, *, allow: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """What speaks against the files of a folder, configs as they are read together."""
    read: dict[str, Any] = {}
    for path in list_files_below(folder):
        name = path.relative_to(folder).as_posix()
        if leads_out(path, folder):
            yield Finding("path", as_printable(name), "", "is a link that leads out of the bundle")
        elif is_link_to_folder(path):
            continue  # what lies in that folder is listed where it lies
        elif not is_file(path):
            yield Finding("path", as_printable(name), "", "is no file, or cannot be read")
        elif not (_is_ours(path, name) or (allow and hash_file(path) in allow)):
            yield from (
                Finding(kind, as_printable(name), place, what) for kind, place, what in _find_faults(path, name, read)
            )
    yield from configs.audit_configs(read, folder)


def _find_faults(path: Path, name: str, read: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Kind, place and fault of one file; a config is put into `read`, to be looked at with the others."""
    suffix = path.suffix.lower()
    if suffix in configs.SUFFIXES:
        try:
            read[as_printable(name)] = configs.read_config(path)
        except Exception:  # the parser raises what it comes upon
            yield "target", "", "cannot be read as a config"
    elif suffix in logging_conf.SUFFIXES:
        yield from (("logging", place, what) for place, what in logging_conf.find_faults_in_logging(path))
    elif suffix in content.WEIGHTS or suffix == ".ts":
        yield from (("weights", "", what) for what in content.find_faults_in_weights(path))
    elif suffix in content.ARRAYS:
        yield from (("weights", "", what) for what in content.find_faults_in_array(path))
    elif suffix == ".onnx":
        yield from (("weights", "", what) for what in find_faults_in_onnx(path))
    elif suffix in content.CODE:
        yield "code", "", "is a program; read it, then allow it by its SHA-256, " + hash_file(path)
    if suffix not in (*content.WEIGHTS, *content.ARRAYS, *content.CODE, ".ts", ".onnx"):
        yield from ((kind, "", what) for kind, what in content.find_faults_by_content(path))


def _is_ours(path: Path, name: str) -> bool:
    """Whether a file is that of this package, as `mammoseg export` writes a copy of it into a bundle."""
    ours = PACKAGE_FOLDER.parent / name
    return name.startswith(f"{PACKAGE_FOLDER.name}/") and ours.is_file() and ours.read_bytes() == path.read_bytes()


def _find_faults_of_whole(folder: Path) -> Iterator[Finding]:
    if not any(path.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")) for path in folder.iterdir()):
        yield Finding("license", ".", "", "has no LICENSE, so nobody may use it")
    if (folder / MANIFEST).exists():
        try:
            check_manifest(folder)
        except ManifestError as error:
            yield Finding("hash", MANIFEST, "", as_printable(str(error).removeprefix(f"{folder} ")))


def _print(findings: list[Finding]) -> None:
    for finding in findings[:MOST_SHOWN]:
        print(f"{finding.kind:10} {finding}")
    if len(findings) > MOST_SHOWN:
        print(f"... and {len(findings) - MOST_SHOWN} more; --json has all.")
    if not findings:
        print("Nothing was found that speaks against it.")
    print(UNSEEN)
