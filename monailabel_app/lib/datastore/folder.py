"""Mammograms of a folder and all folders in it: DICOM, pictures, NIfTI. Nothing in it is ever changed.

Labels go to the folder of the state, as a source may be read-only, shared, or a set that must stay as it is. A SEG that
another tool wrote into the folder counts as a label too, where a person drew it.
"""

import hashlib
import logging
import re
import shutil
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydicom.uid import BreastTomosynthesisImageStorage

from mammoseg.data.find_images import find_inputs
from mammoseg.data.identifiers import hash_with_key, load_key, locate_key_file
from mammoseg.data.mammogram import detect_file_format, read_mammogram
from mammoseg.dicom.gate import IMAGE_CLASSES, is_uid
from mammoseg.dicom.mask import SEGMENTATION_CLASSES
from mammoseg.dicom.read import read_texts
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.files import as_printable, atomic_path
from monailabel_app.lib.datastore.export import get_ending
from monailabel_app.lib.datastore.files import SAVED, read_label_row
from monailabel_app.lib.datastore.index import ImageRow, LabelRow
from monailabel_app.lib.datastore.instance import InstanceDatastore
from monailabel_app.lib.datastore.spool import Entry
from monailabel_app.lib.ids import is_image_id, is_unicode

logger = logging.getLogger(__name__)

KEYWORDS = ("SOPClassUID", "SOPInstanceUID", "Modality", "PatientID", "StudyInstanceUID", "SeriesInstanceUID")

ENDINGS = {"DICOM": ".dcm", "PNG": ".png", "TIFF": ".tif", "JPEG": ".jpg", "PGM": ".pgm"}
"""Of a file that is added; NIfTI keeps its own, which says whether it is packed."""

SETTLED_SECONDS = 5.0
"""Age of a picture's last change from which it is taken for whole: while it is written again, it looks like another."""

COPY = " copy of "
"""In the stamp of a file whose image or label another file has: it is looked at again when that one goes or changes."""


class FolderDatastore(InstanceDatastore):
    """Mammograms of a folder.

    Args:
        root: folder of the images.
        conf: settings that `InstanceDatastore` knows.

    Raises:
        WrongCallError: there is no such folder.
    """

    def __init__(self, root: Path, folder: Path, conf: Mapping[str, str]) -> None:
        if not root.is_dir():
            raise WrongCallError(f"--studies {root} is no folder; name one with mammograms, or an http:// address.")
        super().__init__(root.name, folder, conf)
        self._root = root.resolve()
        self._unread = 0
        self._adding = threading.Lock()
        self._key = load_key(locate_key_file())
        self.saver.finish_waiting()
        for label in self.files.find_again({row[0] for row in self.index.ask("SELECT label_id FROM labels")}):
            self.index.put_label(label)

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Copy a mammogram into the folder; a DICOM file is named by its UID, another one by `image_id`.

        Raises:
            InputRefusedError: it is no mammogram.
            WrongCallError: there is another one of this id.
        """
        upload = Path(image_filename)
        image_id = read_mammogram(upload, modalities=self.modalities).sop_instance_uid or image_id
        kind = detect_file_format(upload)
        name = f"{image_id}{ENDINGS.get(kind) or get_ending(upload)}"
        with self._adding:
            if not is_image_id(image_id) or self.index.get_image(image_id) or (self._root / name).exists():
                raise WrongCallError("there is an image of this id already, or it is none; name another one.")
            with atomic_path(self._root / name) as temporary:
                shutil.copyfile(upload, temporary)
            try:
                self.index.update_info("image", image_id, image_info)
                self.refresh()
            except Exception:
                (self._root / name).unlink()
                raise
        return image_id

    def _scan(self) -> None:
        """Look at what is new, has changed, or is a copy of what has gone; a file that was moved keeps its image."""
        known, found = self.index.list_sources(), self._list_files()
        standing = {SAVED, *(source for source, (_, stamp) in found.items() if _split(known.get(source))[0] == stamp)}
        for source, (path, stamp) in found.items():
            copied = _split(known.get(source))[1]
            if source not in standing or (copied and self.index.find_source(copied) not in standing):
                self._look_at(path, source, stamp, standing)
                standing.add(source)
        self.index.drop_sources(known.keys() - found.keys())

    def _list_files(self) -> dict[str, tuple[Path, str]]:
        """Files of the folder by their source: path, and the stamp that is other when something has changed."""
        found = {}
        unread = 0
        for path in find_inputs([self._root], self._folder, with_segmentations=True)[0]:
            source = str(path.relative_to(self._root))
            try:
                source.encode()
                state = path.stat()
            except (OSError, UnicodeEncodeError):  # a loop, a link that leads nowhere, a name that no list can hold
                unread += 1
                continue
            if not is_unicode(source):
                logger.info("a file is left out: its name is no UTF-8")
                continue
            found[source] = path, f"{state.st_mtime_ns} {state.st_size} {self.modalities}"
        if unread != self._unread:
            logger.warning("%d names of the folder lead to nothing that can be read and are left out", unread)
            self._unread = unread
        return found

    def _look_at(self, path: Path, source: str, stamp: str, standing: Collection[str]) -> None:
        held = self.index.list_stored_labels(source)
        images: list[ImageRow] = []
        labels: list[LabelRow] = []
        try:
            if detect_file_format(path) == "DICOM":
                images, labels = self._look_at_dicom(path, source)
            else:
                image_id = self._name_picture(source)
                images = [ImageRow(image_id, source, image_id, path=source)]
        except InputRefusedError as error:
            logger.info("'%s' is left out: %s", as_printable(source), error)
        if images and not images[0].study:
            strangers = self._find_strangers(images[0].image_id, path)
            if strangers and abs(time.time() - path.stat().st_mtime) < SETTLED_SECONDS:
                return  # without a stamp, so it is looked at again
            for label_id in strangers:
                self.files.set_stranger_aside(label_id)
            held |= strangers
        for uid in (*(image.image_id for image in images), *(label.label_id for label in labels)):  # one at most
            if self.index.find_source(uid) in standing:
                stamp, images, labels = f"{stamp}{COPY}{uid}", [], []
        listed = {label.label_id for label in labels}
        self.index.put_source(source, stamp, images, labels, gone=held - listed)

    def _find_strangers(self, image_id: str, picture: Path) -> set[str]:
        """Labels of a picture that were drawn on another one of its name; one that cannot be judged is none."""
        found = set()
        for label in self.index.list_labels_of(image_id):
            with suppress(InputRefusedError, OSError):
                if label.source == SAVED and not self.files.is_of(label.label_id, picture):
                    found.add(label.label_id)
        return found

    def _look_at_dicom(self, path: Path, source: str) -> tuple[list[ImageRow], list[LabelRow]]:
        texts = read_texts(path, KEYWORDS)
        sop, study, series = (texts[f"{level}InstanceUID"] for level in ("SOP", "Study", "Series"))
        if texts["SOPClassUID"] in SEGMENTATION_CLASSES:
            label = read_label_row(path, source)
            return [], [label] if label else []
        if texts["SOPClassUID"] == BreastTomosynthesisImageStorage:
            read_mammogram(path, modalities=self.modalities)  # which refuses all but a synthesized 2D image
        elif texts["SOPClassUID"] not in IMAGE_CLASSES or texts["Modality"] not in self.modalities:
            kinds = " or ".join(self.modalities)
            raise InputRefusedError(
                "E_MODALITY", f"it is no image of modality {kinds}; --conf modalities names others."
            )
        if not all(map(is_uid, (sop, study, series))):
            raise InputRefusedError("E_DICOM_UID", "it lacks the UID of its study, series or instance, or has another.")
        group = hash_with_key(texts["PatientID"] or study, self._key)
        return [ImageRow(sop, source, group, study, series, source)], []

    def _name_picture(self, source: str) -> str:
        """Path inside the folder with dots for slashes and without ending; with a hash where that is no id or taken."""
        plain = source.removesuffix(get_ending(Path(source))).replace("/", ".")
        taken = self.index.get_image(plain)
        if is_image_id(plain) and (taken is None or taken.source == source):
            return plain
        cleaned = re.sub(r"[^A-Za-z0-9_-]+", ".", plain).strip(".-")[:64].rstrip(".")
        return f"{cleaned or 'image'}-{hashlib.sha256(source.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"

    def locate_image(self, image: ImageRow) -> Path:
        return self._locate_inside(image.path)

    def locate_segmentation(self, label: LabelRow) -> Path:
        return (
            self.files.locate_segmentation(label.label_id)
            if label.source == SAVED
            else self._locate_inside(label.source)
        )

    def _locate_inside(self, source: str) -> Path:
        path = self._root / source
        if not path.resolve().is_relative_to(self._root):
            raise InputRefusedError("E_NOT_A_FILE", "the file leads out of the folder.")
        return path

    def name_source_of_saved(self, image: ImageRow) -> str:
        return SAVED

    def deliver(self, entry: Entry) -> None:
        self.spool.drop(entry)


def _split(stamp: str | None) -> tuple[str, str]:
    """Stamp of a file as it is, and the id of what it is a copy of; empty where it is none."""
    alone, _, copied = (stamp or "").partition(COPY)
    return alone, copied
