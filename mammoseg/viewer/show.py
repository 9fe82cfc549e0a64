"""Look at mammograms and results in OHIF, on this machine alone."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from mammoseg.counts import format_count
from mammoseg.data.find_images import find_dicom_files
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.errors import WrongCallError, say_reason
from mammoseg.provenance import PACKAGE_FOLDER
from mammoseg.viewer.archive import local_archive
from mammoseg.viewer.server import ViewerServer

OHIF = Path(os.environ.get("MAMMOSEG_VIEWER") or PACKAGE_FOLDER.parent / "build" / "viewer" / "ohif")
"""Files of the viewer: in ``MAMMOSEG_VIEWER``, else where scripts/fetch_viewer.sh puts them in a checkout."""


def view_files(*inputs: str | Path, port: int = 8080) -> None:
    """Store mammograms and results in an archive that ends with this command, and show them in OHIF until Ctrl-C.

    Args:
        inputs: DICOM files, and folders, which are searched to the bottom; name mammograms and their results.
        port: port on 127.0.0.1.

    Raises:
        WrongCallError: the viewer is not fetched, an input does not exist, no file is DICOM, or the port is taken.
        MammosegError: the archive does not start.
    """
    if port not in range(2**16):
        raise WrongCallError(f"port is {port}; give a number from 0, for any, to 65535.")
    if not OHIF.is_dir():
        raise WrongCallError(
            f"there is no viewer at {OHIF}; run `make viewer` once in a checkout of the repository, and outside of it "
            "name its build/viewer/ohif in MAMMOSEG_VIEWER."
        )
    named = [Path(path) for path in inputs]
    if absent := [path for path in named if not path.exists()]:
        raise WrongCallError(f"'{absent[0]}' does not exist; name mammograms and the results folder.")
    paths, _ = find_dicom_files(named)
    if not paths:
        raise WrongCallError("there is no DICOM file; name mammograms and the results folder.")
    for end in (signal.SIGINT, signal.SIGTERM):  # the archive must end too, also where a shell told us to ignore Ctrl-C
        signal.signal(end, signal.default_int_handler)
    with no_header_values_in_warnings(), local_archive() as archive:
        studies = {archive.store(path) for path in paths}
        try:
            server = ViewerServer(OHIF, archive.url, user=archive.user, port=port)
        except OSError as error:
            raise WrongCallError(f"port {port} is taken ({say_reason(error)}); name another with --port.") from error
        print(
            f"{format_count(len(paths), 'file')} in {format_count(len(studies), 'study')}: {server.url}  (Ctrl-C ends)",
            flush=True,
        )
        with server, suppress(KeyboardInterrupt):
            server.serve_forever()
