"""Bundles of the folder that ``MAMMOSEG_BUNDLES`` names, looked through before their configs are run."""

import os
from pathlib import Path

from mammoseg.bundles import BUNDLES_FOLDER, SHIPPED_BUNDLES, locate_bundle
from mammoseg.counts import format_count

ALLOW = "MAMMOSEG_ALLOW"
"""Variable of the environment with the SHA-256 of files that somebody has read, with commas between them."""


def require_known_configs(bundle: str) -> None:
    """Refuse to run configs in which an audit finds something, unless they come with this program.

    Raises:
        AuditError: naming the first finding, and how to let in what was read.
        WrongCallError: there is no such bundle.
    """
    folder = Path(locate_bundle(bundle))
    if BUNDLES_FOLDER == SHIPPED_BUNDLES or folder.parent != BUNDLES_FOLDER:  # the latter in an export
        return
    from mammoseg.audit.audit import AuditError, find_faults_in_files  # hardly anybody names such a folder

    allow = frozenset(os.environ.get(ALLOW, "").lower().split(","))
    if findings := list(find_faults_in_files(folder / "configs", allow=allow)):
        raise AuditError(
            f"{format_count(len(findings), 'finding')} in {folder / 'configs'}, the first {findings[0]}; "
            f"see them by `mammoseg audit {folder}`, and name what you have read by its SHA-256 in {ALLOW}."
        )
