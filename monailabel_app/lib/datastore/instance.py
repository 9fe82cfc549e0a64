"""The datastore whose image is one mammogram: an instance of an archive, or a file. What all sources have in common.

MONAI Label's own datastores take a series for an image and any segmentation for a label; here four views are four
images, whatever series they are in, and a label is what a person drew on one of them.
"""

import logging
import time
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.exception import ImageNotFoundException, LabelNotFoundException

from mammoseg.errors import InputRefusedError, MammosegError, WrongCallError
from mammoseg.files import sole_writer
from monailabel_app.lib.conf import number
from monailabel_app.lib.datastore.export import ending, write_archive
from monailabel_app.lib.datastore.files import LabelFiles
from monailabel_app.lib.datastore.grid import grid_of
from monailabel_app.lib.datastore.index import ImageRow, Index, LabelRow
from monailabel_app.lib.datastore.label_images import read_label, write_label
from monailabel_app.lib.datastore.label_info import mass_values
from monailabel_app.lib.datastore.leases import LEASE_SECONDS, Leases
from monailabel_app.lib.datastore.refresher import Refresher
from monailabel_app.lib.datastore.saver import LabelSaver
from monailabel_app.lib.datastore.spool import Entry, Spool

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 10.0
"""Age at which a list is looked over again, in the background, while the old one is given."""

TAKE_OVER_SECONDS = 15.0
"""Time that children of a server that was killed may take to let go of its folder."""


class InstanceDatastore(Datastore):
    """Mammograms, the labels that persons drew on them, and who works on which.

    Args:
        name: for people.
        folder: of the state; one process at a time has it.
        conf: ``modalities`` (MG), ``refresh_seconds``.

    Raises:
        MammosegError: another server has the folder.
    """

    def __init__(self, name: str, folder: Path, conf: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._held = ExitStack()
        _take_over(self._held, folder)
        self._name, self._description = name, "Mammograms"
        self._folder = folder
        self.modalities = tuple(conf.get("modalities", "MG").split(","))
        self.index = Index(folder / "index.sqlite3")
        self.leases = Leases(self.index)
        self.files = LabelFiles(folder / "labels")
        self.spool = Spool(folder / "spool")
        self.saver = LabelSaver(self, self.index, self.files, self.spool)
        seconds = number(conf, "refresh_seconds", REFRESH_SECONDS)
        self._refresher = Refresher(self._scan, lambda: bool(self.index.sources()), seconds=seconds)

    def close(self) -> None:
        """Let go of the folder."""
        self._refresher.close()
        self.index.close()
        self._held.close()

    @abstractmethod
    def _scan(self) -> None:
        """Bring the index up to date with the source."""

    @abstractmethod
    def image_path(self, image: ImageRow) -> Path:
        """The file of an image."""

    @abstractmethod
    def segmentation_path(self, label: LabelRow) -> Path:
        """The file of a label's SEG."""

    @abstractmethod
    def source_of_saved(self, image: ImageRow) -> str:
        """Source, in the index, of a label that is saved for an image."""

    @abstractmethod
    def deliver(self, entry: Entry) -> None:
        """Bring a label that is built to where it belongs, and drop its entry, or say in it why it waits."""

    def name(self) -> str:
        return self._name

    def set_name(self, name: str) -> None:
        self._name = name

    def description(self) -> str:
        return self._description

    def set_description(self, description: str) -> None:
        self._description = description

    def refresh(self) -> None:
        """Look the source over now.

        Raises:
            ArchiveError: it does not answer.
        """
        self._refresher.now()

    def list_images(self) -> list[str]:
        """Ids of all images; at once, but for the first time of a new state folder."""
        self._refresher.when_due()
        return self.index.image_ids()

    def get_labeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Images with a person's label, an empty one ("no mass") too."""
        self._refresher.when_due()
        return [label.image_id for label in self.index.newest_labels()]

    def get_unlabeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        labeled = set(self.get_labeled_images())
        return [image_id for image_id in self.index.image_ids() if image_id not in labeled]

    def group_of(self, image_id: str) -> str:
        """Keyed hash of the image's patient, so that patients can be kept together and not be named."""
        return self._image(image_id).patient_group

    def get_image_uri(self, image_id: str) -> str:
        """Path of the image's file.

        Args:
            image_id: or the UID of a series that holds one image, which is how OHIF's panel names it.

        Raises:
            ImageNotFoundException: there is no such image.
            ArchiveError: it is not at hand and the archive does not give it.
        """
        named = self.index.image(image_id) or self.index.only_image_of_series(image_id)
        return str(self.image_path(named or self._image(image_id)))

    def get_image(self, image_id: str, params: Any = None) -> BytesIO:
        return BytesIO(Path(self.get_image_uri(image_id)).read_bytes())

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """UIDs, patient group, name of a file to save it under, and what `update_image_info` was told."""
        image = self._image(image_id)
        known = {"name": f"{image_id}{self._suffix(image)}", "patient_group": image.patient_group}
        if image.study:
            known |= {
                "StudyInstanceUID": image.study,
                "SeriesInstanceUID": image.series,
                "SOPInstanceUID": image_id,
            }
        return self.index.info("image", image_id) | known

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        self._image(image_id)
        self.index.update_info("image", image_id, info)

    def get_labels_by_image_id(self, image_id: str) -> dict[str, str]:
        """``final``: id of the newest label of a person; ``original``: id of the image, where a model drew on it."""
        self._image(image_id)
        labels = self.index.labels_of(image_id)
        found = {"final": labels[0].label_id} if labels else {}
        return found | ({"original": image_id} if self.files.original(image_id).exists() else {})

    def get_label_by_image_id(self, image_id: str, tag: str) -> str:
        return self.get_labels_by_image_id(image_id).get(tag, "")

    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        """Path of the label as NIfTI on the grid of its image; the id of an image stands for its newest label.

        Raises:
            LabelNotFoundException: there is no such label.
        """
        if label_tag == "original":
            image = self.index.image(label_id)
            if image is not None and self.files.original(image.image_id).exists():
                return str(self.files.original(image.image_id))
            raise LabelNotFoundException("there is no output of a model for this image.")
        label = self._label(label_id)
        image = self._image(label.image_id)
        return str(self.files.mask(label, self.segmentation_path(label), self.image_path(image)))

    def get_label(self, label_id: str, label_tag: str, params: Any = None) -> BytesIO:
        return BytesIO(Path(self.get_label_uri(label_id, label_tag)).read_bytes())

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        """When it was drawn, whether the archive has it, and what clients said of it."""
        if label_tag != "final":
            return self.index.info(f"label {label_tag}", self._image(label_id).image_id)
        label = self._label(label_id)
        known = {"ts": int(label.seconds), "is_stored": bool(label.is_stored), "SeriesInstanceUID": label.series}
        return self.index.info("label final", label.label_id) | known

    def update_label_info(self, label_id: str, label_tag: str, info: dict[str, Any]) -> None:
        known = self._image(label_id).image_id if label_tag != "final" else self._label(label_id).label_id
        self.index.update_info(f"label {label_tag}", known, info)

    def human_labels(self) -> list[dict[str, Any]]:
        """The newest label of each image, for training.

        Each has ``image``, the file of the mammogram, ``label``, a NIfTI mask on its grid, ``image_id``, ``label_id``,
        and ``patient_id``, the patient's group.
        A label whose pixels cannot be used is left out and counted in the log.

        Raises:
            ArchiveError: an image is not at hand and the archive does not give it.
        """
        self._refresher.when_due()
        found, left_out = [], 0
        for label in self.index.newest_labels():
            try:
                paths = {
                    "image": self.get_image_uri(label.image_id),
                    "label": self.get_label_uri(label.label_id, "final"),
                }
            except InputRefusedError:
                left_out += 1
                continue
            group = self.group_of(label.image_id)
            found.append({**paths, "image_id": label.image_id, "label_id": label.label_id, "patient_id": group})
        if left_out:
            logger.warning("%d labels cannot be used and are left out", left_out)
        return found

    def datalist(self) -> list[dict[str, Any]]:
        return [{"image": item["image"], "label": item["label"]} for item in self.human_labels()]

    def lease(self, image_id: str, user: str, seconds: float = LEASE_SECONDS) -> bool:
        """Give the image to `user` for a time; False while another has it."""
        return self.leases.take(self._image(image_id).image_id, user, seconds)

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Save a label, and return its id once it cannot be lost.

        Args:
            label_filename: NIfTI, NRRD, PNG, DICOM SEG or bare bytes; see `label_images`.
            label_tag: ``final``, a person's, or ``original``, a model's, which is only kept here.
            label_info: ``label_info``: names of the values, as MONAI Label's clients send them; ``user``: who saved.
                Of ``original`` all is kept for `get_label_info`, such as the model's name.

        Raises:
            ImageNotFoundException: there is no such image.
            InputRefusedError: the file is no label of this image; nothing is saved.
        """
        image = self._image(image_id)
        upload = Path(label_filename)
        if label_tag == "original":
            self._save_original(image, upload, label_info)
            return image_id
        if label_tag != "final":
            raise WrongCallError("the tag of a label is 'final' or 'original'.")
        label_id = self.saver.save(image, upload, label_info)
        self.leases.release(image_id)
        return label_id

    def remove_image(self, image_id: str) -> None:
        raise WrongCallError("mammograms are not removed from here; remove them where they come from.")

    def remove_label(self, label_id: str, label_tag: str) -> None:
        raise WrongCallError("a label is never deleted; save another one, which takes its place.")

    def get_dataset_archive(self, limit_cases: int | None) -> str:
        """Path of a ZIP file with images, masks and their ids; it holds what the images say of patients."""
        return str(write_archive(self._folder / "export", self.human_labels()[:limit_cases]))

    def status(self) -> dict[str, Any]:
        """Counts, how many labels wait for the archive, and what is wrong with it."""
        total, completed = len(self.list_images()), len(self.get_labeled_images())
        waiting = self.spool.entries()
        originals = len(list((self.files.folder / "original").glob("*.nii.gz")))
        return {
            "total": total,
            "completed": completed,
            "label_tags": {"final": completed, "original": originals},
            "labels_waiting": len(waiting),
            "trouble": next((entry.trouble for entry in waiting if entry.trouble), self._refresher.trouble),
        }

    def json(self) -> dict[str, Any]:
        """The index in MONAI Label's form."""
        infos, originals = self.index.infos("image"), self.index.infos("label original")
        finals = {label.image_id: {"label_id": label.label_id} for label in self.index.newest_labels()}
        objects = {
            image_id: {
                "image": {"ext": "", "info": infos.get(image_id, {})},
                "labels": {
                    tag: {"ext": ".nii.gz", "info": labels[image_id]}
                    for tag, labels in (("final", finals), ("original", originals))
                    if image_id in labels
                },
            }
            for image_id in self.list_images()
        }
        return {"name": self._name, "description": self._description, "objects": objects}

    def _image(self, image_id: str) -> ImageRow:
        image = self.index.image(image_id)
        if image is None and self._refresher.is_due():  # it may be new
            self.refresh()
            image = self.index.image(image_id)
        if image is None:
            raise ImageNotFoundException("there is no such image.")
        return image

    def _label(self, label_id: str) -> LabelRow:
        label = self.index.label(label_id)
        if label is None and self.index.image(label_id):
            label = next(iter(self.index.labels_of(label_id)), None)
        if label is None or not label.image_id:
            raise LabelNotFoundException("there is no such label.")
        return label

    def _save_original(self, image: ImageRow, upload: Path, label_info: Mapping[str, Any]) -> None:
        grid = grid_of(self.image_path(image))
        masses, others = mass_values(label_info)
        mask = read_label(upload, grid, image_id=image.image_id, masses=masses, others=others)
        write_label(self.files.original(image.image_id), mask, grid)
        self.index.put_info("label original", image.image_id, label_info)
        said = {key: label_info[key] for key in ("model", "params") if key in label_info}
        self.index.update_info("label original", image.image_id, said)

    def _suffix(self, image: ImageRow) -> str:
        return ending(Path(image.path)) if image.path and not image.study else ".dcm"


def _take_over(held: ExitStack, folder: Path) -> None:
    end = time.monotonic() + TAKE_OVER_SECONDS
    while True:
        try:
            held.enter_context(sole_writer(folder, folder / "lock"))
            return
        except MammosegError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
