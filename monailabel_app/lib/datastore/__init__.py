"""Where the app's mammograms and labels are: a DICOMweb archive or a folder."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from mammoseg.errors import WrongCallError
from monailabel_app.lib.datastore.dicomweb import DicomwebDatastore
from monailabel_app.lib.datastore.folder import FolderDatastore
from monailabel_app.lib.datastore.instance import InstanceDatastore

__all__ = ["InstanceDatastore", "open_datastore"]


def open_datastore(studies: str, conf: Mapping[str, str], state_dir: Path) -> InstanceDatastore:
    """Open the archive or folder `studies`; one server at a time has it.

    Args:
        studies: ``http(s)://[user@]host/path`` of DICOMweb services, or a folder.
        conf: ``modalities`` (``MG``; ``MG,CR,DX,SC``), ``refresh_seconds`` (10), and of an archive ``dicomweb_user``,
            ``ca_bundle``, ``cache_gib`` (50).
        state_dir: keeps labels, index, leases; each source has a folder of its own in it, so that a label can never go
            to another archive than that of its image.

    Raises:
        MammosegError: no such folder or address, a password is missing, or another server has the source.
    """
    if not studies:
        raise WrongCallError("--studies is ''; name a folder with mammograms, or an http:// address.")
    is_archive = studies.startswith(("http://", "https://"))
    if is_archive:
        source = re.sub("//[^/@]*@", "//", studies).rstrip("/")  # whoever logs in there, it is the same archive
    else:
        source = str(Path(studies).expanduser().resolve())
    folder = state_dir / "datastore" / hashlib.sha256(source.encode()).hexdigest()[:16]
    if is_archive:
        return DicomwebDatastore(studies, folder, conf)
    return FolderDatastore(Path(source), folder, conf)
