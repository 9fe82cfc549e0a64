"""Mammograms of a DICOMweb archive: listed by QIDO-RS, fetched by WADO-RS when needed, labels stored by STOW-RS.

A study is looked into again only when its number of instances has changed, so that the first look at a large archive
takes a request a study, and later ones a request for 500 studies.
"""

import logging
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydicom.uid import BreastTomosynthesisImageStorage

from mammoseg.archives.dicomweb.client import Archive, Instance, connect
from mammoseg.archives.dicomweb.fetch import (
    MODALITY,
    SERIES,
    SOP,
    STUDY,
    find_studies,
    list_instances,
    read_first_value,
)
from mammoseg.archives.dicomweb.retrieve import RefusedInstanceError, retrieve, retrieve_listed
from mammoseg.archives.dicomweb.store import store
from mammoseg.data.identifiers import hash_with_key, load_key, locate_key_file
from mammoseg.dicom.gate import IMAGE_CLASSES, is_uid
from mammoseg.dicom.mask import SEGMENTATION_CLASSES
from mammoseg.errors import MammosegError, WrongCallError
from monailabel_app.lib.conf import read_number
from monailabel_app.lib.datastore.files import read_label_row
from monailabel_app.lib.datastore.index import ImageRow, LabelRow
from monailabel_app.lib.datastore.instance import InstanceDatastore
from monailabel_app.lib.datastore.instance_cache import InstanceCache
from monailabel_app.lib.datastore.spool import Entry

logger = logging.getLogger(__name__)

SOP_CLASS, PATIENT_ID, INSTANCES = "00080016", "00100020", "00201208"
FRAMES, ROWS, COLUMNS = "00280008", "00280010", "00280011"

QUICK_SECONDS = (3.0, 30.0)
"""To connect, and between two pieces of an answer, while a client waits for its label to be stored; one attempt."""

RETRY_SECONDS = (5.0, 300.0)
"""Between two attempts to store the labels that wait: the first time, and at most."""

STUDIES_AT_ONCE = 4
"""That an archive is asked for: with one, most of the time passes in waiting for its answer."""

CACHE_GIB = 50
"""Some two thousand mammograms of full size."""


class DicomwebDatastore(InstanceDatastore):
    """Mammograms of an archive.

    Args:
        url: root of its DICOMweb services, ``http(s)://[user@]host/path``.
        conf: ``dicomweb_user``, ``ca_bundle``, ``cache_gib``, and what `InstanceDatastore` knows.

    Raises:
        WrongCallError: the address is none, or a password is missing.
    """

    def __init__(self, url: str, folder: Path, conf: Mapping[str, str]) -> None:
        options: dict[str, Any] = {"user": conf.get("dicomweb_user"), "ca_bundle": conf.get("ca_bundle")}
        self.archive = connect(url, **options)
        self._quick = connect(url, **options, timeout=QUICK_SECONDS, waits=())
        super().__init__(self.archive.name, folder, conf)
        self._key = load_key(locate_key_file())
        most_bytes = int(read_number(conf, "cache_gib", CACHE_GIB) * 2**30)
        self._cache = InstanceCache(folder / "images", self.archive, most_bytes=most_bytes)
        self._closing = threading.Event()
        self._retrying = threading.Thread(target=self._retry, daemon=True)
        self._retrying.start()

    def close(self) -> None:
        self._closing.set()
        self._retrying.join()
        super().close()

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Refuse an image.

        Raises:
            WrongCallError: always; images come from the archive.
        """
        raise WrongCallError("images come from the archive; store them there, as with mammoseg send.")

    def _scan(self) -> None:
        stamps, known = dict(self._list_studies()), self.index.list_sources()
        changed = [study for study, (stamp, _) in stamps.items() if not stamp or known.get(study) != stamp]
        with ThreadPoolExecutor(STUDIES_AT_ONCE) as pool:
            list(pool.map(lambda study: self._look_into(study, *stamps[study]), changed))  # raises what a look raised
        self.index.drop_sources(known.keys() - stamps.keys())

    def _list_studies(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """Studies with mammograms: UID, what is other when something has changed or empty, patient group."""
        for found in find_studies(self.archive, self.modalities, {}, fields=[INSTANCES]):
            if is_uid(study := read_first_value(found, STUDY)):
                group = hash_with_key(read_first_value(found, PATIENT_ID) or study, self._key)
                count = _read_whole_number(found, INSTANCES)
                yield study, (f"{count} {group} {self.modalities}" if count else "", group)

    def _look_into(self, study: str, stamp: str, patient_group: str) -> None:
        held = self.index.list_stored_labels(
            study
        )  # before the archive is asked: one that is stored meanwhile is not gone
        images, labels = [], list[LabelRow]()
        for found in list_instances(self.archive, study, fields=[ROWS, COLUMNS, FRAMES]):
            series, sop, sop_class, modality = (
                read_first_value(found, tag) for tag in (SERIES, SOP, SOP_CLASS, MODALITY)
            )
            if not (is_uid(series) and is_uid(sop)):
                logger.warning("an instance is left out: its UID is no UID")
            elif sop_class in SEGMENTATION_CLASSES or (not sop_class and modality == "SEG"):
                if label := self._judge(Instance(study, series, sop)):
                    labels.append(label)
                else:
                    stamp = ""  # look again
            elif modality in self.modalities and _may_be_mammogram(found, sop_class):
                shape = _read_whole_number(found, ROWS), _read_whole_number(found, COLUMNS)
                images.append(ImageRow(sop, study, patient_group, study, series, "", *shape))
        listed = {label.label_id for label in labels}
        self.index.put_source(study, stamp, images, labels, gone=held - listed)

    def _judge(self, instance: Instance) -> LabelRow | None:
        """What the index says of a segmentation, which is fetched once; None when the archive does not give it yet."""
        nothing = LabelRow(instance.sop, "", instance.study, instance.series)
        known = self.index.get_label(instance.sop)
        if known is not None and known.is_stored:
            return known
        if self.files.is_withdrawn(instance.sop):
            return nothing
        path = self.files.locate_segmentation(instance.sop)
        try:
            if not path.exists() and not retrieve(self.archive, instance, path):
                return None
        except RefusedInstanceError as error:
            logger.warning("a segmentation is left out: %s", error)
            return nothing
        label = read_label_row(path, instance.study)
        if label is None:
            path.unlink()
            return nothing
        return label

    def locate_image(self, image: ImageRow) -> Path:
        return self._cache.fetch(Instance(image.study, image.series, image.image_id))

    def locate_segmentation(self, label: LabelRow) -> Path:
        """Path of a label's SEG, fetched from the archive where it is not yet here.

        Raises:
            ArchiveError: the archive lists the label and does not have it.
        """
        path = self.files.locate_segmentation(label.label_id)
        if not path.exists():
            retrieve_listed(self.archive, Instance(label.source, label.series, label.label_id), path)
        return path

    def name_source_of_saved(self, image: ImageRow) -> str:
        return image.study

    def deliver(self, entry: Entry) -> None:
        self._send(entry, self._quick)

    def _send(self, entry: Entry, archive: Archive) -> None:
        try:
            (stored,) = store([self.files.locate_segmentation(entry.label_id)], archive)
        except WrongCallError as error:
            self.spool.note_trouble(entry, str(error))
            return
        if not stored.ok:
            self.spool.note_trouble(entry, f"{stored.code}: {stored.reason}")
            return
        self.index.change("UPDATE labels SET is_stored = 1 WHERE label_id = ?", entry.label_id)
        self.spool.drop(entry)

    def _retry(self) -> None:
        """Finish what waits: at start, and again and again."""
        wait = 0.0
        while not self._closing.wait(wait):
            try:
                waiting = self.saver.finish_waiting()
            except (MammosegError, OSError) as error:
                logger.error("labels wait: %s", type(error).__name__)
                waiting = 1
            first, most = RETRY_SECONDS
            wait = min(max(wait * 2, first), most) if waiting else first


def _may_be_mammogram(found: Mapping[str, Any], sop_class: str) -> bool:
    """Whether an instance is listed: the class is unknown, of images, or of tomosynthesis with one frame."""
    is_one_frame = sop_class == BreastTomosynthesisImageStorage and _read_whole_number(found, FRAMES) == 1
    return not sop_class or sop_class in IMAGE_CLASSES or is_one_frame


def _read_whole_number(answer: Mapping[str, Any], tag: str) -> int | None:
    """A whole number of a search result, which may come as text (PS3.18 F.2.3); None where there is none."""
    element = answer.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    try:
        return int(values[0]) if isinstance(values, list) else None
    except (LookupError, TypeError, ValueError):
        return None
