"""From a client's label file to a label that cannot be lost: spooled, built, delivered, each step safe to repeat."""

import logging
import sqlite3
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mammoseg.archives.dicomweb.client import ArchiveError
from mammoseg.data.grid import Grid, read_grid
from mammoseg.data.mask_files import check_area
from mammoseg.dicom.analysis import derive_uid
from mammoseg.errors import InputRefusedError, MammosegError
from monailabel_app.lib.datastore.files import SAVED, LabelFiles
from monailabel_app.lib.datastore.index import ImageRow, Index, LabelRow
from monailabel_app.lib.datastore.label_images import read_masses
from monailabel_app.lib.datastore.label_info import parse_mass_values
from monailabel_app.lib.datastore.masses import build_label_map
from monailabel_app.lib.datastore.spool import Entry, Spool
from monailabel_app.lib.datastore.work import WorkInHand, name_algorithm_type
from monailabel_app.lib.errors import say_error, say_places

logger = logging.getLogger(__name__)


class ImageAwayError(MammosegError):
    """The image of a label cannot be had now."""


class ImageSource(Protocol):
    """Where images come from and labels go to."""

    def locate_image(self, image: ImageRow) -> Path:
        """The file of an image."""

    def name_source_of_saved(self, image: ImageRow) -> str:
        """Source, in the index, of a label that is saved for an image."""

    def deliver(self, entry: Entry) -> None:
        """Bring a label that is built to where it belongs, and drop its entry, or say in it why it waits."""


class LabelSaver:
    """Saves the final labels of one datastore; for all threads of one process.

    Args:
        large_masks: let labels in that cover more than half of their image.
    """

    def __init__(
        self,
        source: ImageSource,
        index: Index,
        files: LabelFiles,
        spool: Spool,
        work: WorkInHand,
        *,
        large_masks: bool = False,
    ) -> None:
        self._source = source
        self._index = index
        self._files = files
        self._spool = spool
        self._work = work
        self._large_masks = large_masks
        self._accepting = threading.Lock()
        self._in_hand: set[int] = set()

    def save(self, image: ImageRow, upload: Path, info: Mapping[str, Any]) -> str:
        """Save what a person drew; when this returns, the label is on disk, and the archive has it or will.

        Args:
            info: what a client says of it, as `InstanceDatastore.save_label` takes it.

        Returns:
            The label's id.

        Raises:
            InputRefusedError: the file is no label of this image.
            OSError, sqlite3.Error: the disk is full. Of a label whose saving failed nothing is kept, whatever failed.
        """
        entry = self._accept(image, upload, info)
        try:
            self._build(entry)
            self._deliver(entry)
        except ArchiveError as error:  # it does not give the image; the label waits for it
            self._spool.note_trouble(entry, str(error))
        except Exception:
            self._take_back(entry)
            raise
        finally:
            self._in_hand.discard(entry.number)
        return entry.label_id

    def finish_waiting(self) -> int:
        """Try to finish every label that waits, oldest first; how many still wait.

        One of which no label can be made is set aside and does not stop the others.
        """
        for entry in self._spool.list_entries():
            with self._accepting:
                if entry.number in self._in_hand or not self._spool.holds(entry):
                    continue
                self._in_hand.add(entry.number)
            try:
                self._finish(entry)
            finally:
                self._in_hand.discard(entry.number)
        return len(self._spool.list_entries())

    def _accept(self, image: ImageRow, upload: Path, info: Mapping[str, Any]) -> Entry:
        """Spool an upload; its time is later than that of every label of the image, whatever the clock does."""
        masses, others = parse_mass_values(info)
        user = str(info.get("user") or "")
        with self._accepting:
            earlier = [label.seconds for label in self._index.list_labels_of(image.image_id)]
            earlier += [entry.seconds for entry in self._spool.list_entries() if entry.image_id == image.image_id]
            seconds = round(max(time.time(), max(earlier, default=0.0) + 0.001), 6)
            entry = self._spool.accept(
                upload,
                image_id=image.image_id,
                label_id=derive_uid(image.image_id, "drawn", repr(seconds)),
                seconds=seconds,
                user=user,
                role=str(info.get("role") or ""),
                masses=masses,
                others=others,
                assessments=info.get("assessments"),
                strokes=info.get("strokes"),
                work=self._work.get(image.image_id, user),
            )
            self._in_hand.add(entry.number)
        return entry

    def _finish(self, entry: Entry) -> None:
        try:
            self._build(entry)
        except (ArchiveError, ImageAwayError, OSError, sqlite3.Error) as error:
            self._spool.note_trouble(entry, say_error(error))
        except Exception as error:  # it would be the same at every start
            self._spool.set_aside(entry, say_error(error))
        else:
            self._deliver(entry)

    def _build(self, entry: Entry) -> None:
        """Make the label of an entry and list it, unless that is done; to be listed comes last and is one step.

        Raises:
            ArchiveError, ImageAwayError: its image is not at hand.
            InputRefusedError: the upload is no label of this image, or is inverted.
        """
        if self._index.get_label(entry.label_id):
            return
        image = self._index.get_image(entry.image_id)
        if image is None:
            raise ImageAwayError("the image of a label is not in its source any more; the label waits for it.")
        mask = None
        if not self._files.is_written(entry.label_id):
            path, grid = self._open_image(image)
            masses = read_masses(
                self._spool.locate_upload(entry),
                grid,
                image_id=entry.image_id,
                masses=entry.masses,
                others=entry.others,
                assessments=entry.assessments,
            )
            mask = build_label_map([mass.mask for mass in masses], grid.shape) > 0
            if not self._large_masks:
                check_area(mask)
            self._files.write(masses, path, entry)
        series = derive_uid(entry.label_id, "series")
        source = self._source.name_source_of_saved(image)
        row = LabelRow(entry.label_id, entry.image_id, source, series, entry.seconds, "", source == SAVED)
        helpers = entry.work.list_helpers(mask) if mask is not None else []
        told = {"algorithm_type": name_algorithm_type(helpers), "helped_by": helpers} if mask is not None else {}
        self._index.put_saved(row, {"user": entry.user, **told})
        if mask is not None:
            self._count_effort(entry, mask)

    def _count_effort(self, entry: Entry, mask: np.ndarray) -> None:
        """Count what a label cost; the label is saved, so what goes wrong here is logged and no more."""
        who = entry.image_id, entry.user, entry.role
        try:
            self._work.finish(*who, entry.work, mask, seconds=entry.seconds, strokes=entry.strokes)
        except Exception as error:
            logger.error("the effort of a label is not counted: %s at %s", type(error).__name__, say_places(error))

    def _open_image(self, image: ImageRow) -> tuple[Path, Grid]:
        path = self._source.locate_image(image)
        try:
            return path, read_grid(path)
        except InputRefusedError as error:
            raise ImageAwayError(f"the image of the label cannot be read now: {error}") from error

    def _deliver(self, entry: Entry) -> None:
        """Bring a label to where it belongs; it is on disk, so whatever goes wrong there, it is tried again."""
        try:
            self._source.deliver(entry)
        except Exception as error:
            logger.warning("a label waits: %s", type(error).__name__)
            self._spool.note_trouble(entry, say_error(error))

    def _take_back(self, entry: Entry) -> None:
        """Leave nothing of a label of which a client is told that it failed."""
        try:
            self._index.drop_saved(entry.label_id)  # first: without it nothing is trained on that has no file
            self._spool.drop(entry)
            self._files.remove(entry.label_id)
        except (OSError, sqlite3.Error) as error:
            logger.error("something of a label that failed cannot be removed: %s", say_error(error))
