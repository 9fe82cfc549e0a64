"""The datastore of the app: mammograms, and the labels that persons drew on them. What all sources have in common.

MONAI Label's own datastores take any segmentation for a label; here a label is what a person drew on one mammogram.
"""

import logging
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from monailabel.interfaces.exception import LabelNotFoundException

from mammoseg.data.grid import read_grid
from mammoseg.dicom.algorithm import Assistance
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.files import atomic_path
from mammoseg.interactive.run_lengths import RunLengths
from monailabel_app.lib.conf import read_yes_or_no
from monailabel_app.lib.datastore.export import remove_exports, write_archive
from monailabel_app.lib.datastore.files import LabelFiles
from monailabel_app.lib.datastore.index import ImageRow, LabelRow
from monailabel_app.lib.datastore.label_images import read_label, write_label
from monailabel_app.lib.datastore.label_info import parse_mass_values
from monailabel_app.lib.datastore.mammograms import MammogramDatastore
from monailabel_app.lib.datastore.masses import DrawnMass
from monailabel_app.lib.datastore.saver import LabelSaver
from monailabel_app.lib.datastore.set_aside import SetAside
from monailabel_app.lib.datastore.spool import Entry, Spool
from monailabel_app.lib.datastore.work import Proposal, WorkInHand

logger = logging.getLogger(__name__)

TOLD = ("weights_sha256", "weights_file", "trained_on", "threshold")
"""Of what is kept with a model's outline, what a label says again of a model that helped."""


class InstanceDatastore(MammogramDatastore):
    """Mammograms and their labels.

    Args:
        name, folder, conf: arguments of `MammogramDatastore`; ``large_masks`` lets labels in that cover more than half
            of their image.

    Raises:
        MammosegError: another server has the folder.
    """

    def __init__(self, name: str, folder: Path, conf: Mapping[str, str]) -> None:
        super().__init__(name, folder, conf)
        remove_exports(folder)
        self.set_aside = SetAside(folder)
        self.files = LabelFiles(folder / "labels", self.set_aside)
        self.spool = Spool(folder / "spool", self.set_aside)
        self.work = WorkInHand(self.index)
        self.saver = LabelSaver(
            self, self.index, self.files, self.spool, self.work, large_masks=read_yes_or_no(conf, "large_masks", False)
        )

    @abstractmethod
    def locate_segmentation(self, label: LabelRow) -> Path:
        """The file of a label's SEG."""

    @abstractmethod
    def name_source_of_saved(self, image: ImageRow) -> str:
        """Source, in the index, of a label that is saved for an image."""

    @abstractmethod
    def deliver(self, entry: Entry) -> None:
        """Bring a label that is built to where it belongs, and drop its entry, or say in it why it waits."""

    def get_labeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Images with a person's label, an empty one ("no mass") too."""
        self._refresher.refresh_when_due()
        return [label.image_id for label in self.index.list_newest_labels()]

    def get_unlabeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        labeled = set(self.get_labeled_images())
        return [image_id for image_id in self.index.list_image_ids() if image_id not in labeled]

    def get_labels_by_image_id(self, image_id: str) -> dict[str, str]:
        """``final``: id of the newest label of a person; ``original``: id of the image, where a model drew on it."""
        self.require_image(image_id)
        labels = self.index.list_labels_of(image_id)
        found = {"final": labels[0].label_id} if labels else {}
        return found | ({"original": image_id} if self.files.locate_original(image_id).exists() else {})

    def get_label_by_image_id(self, image_id: str, tag: str) -> str:
        return self.get_labels_by_image_id(image_id).get(tag, "")

    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        """Path of the label as NIfTI on the grid of its image; the id of an image stands for its newest label.

        Raises:
            LabelNotFoundException: there is no such label.
        """
        if label_tag == "original":
            image = self.index.get_image(label_id)
            if image is not None and self.files.locate_original(image.image_id).exists():
                return str(self.files.locate_original(image.image_id))
            raise LabelNotFoundException("there is no output of a model for this image.")
        label = self._require_label(label_id)
        image = self.require_image(label.image_id)
        return str(self.files.write_mask_file(label, self.locate_segmentation(label), self.locate_image(image)))

    def read_drawn_masses(self, label: LabelRow) -> list[DrawnMass]:
        """The masses of a label, each by itself.

        Raises:
            InputRefusedError: its file cannot be read.
            ArchiveError: it is not at hand and the archive does not give it.
        """
        return self.files.read_masses(label, self.locate_segmentation(label))

    def get_label(self, label_id: str, label_tag: str, params: Any = None) -> BytesIO:
        return BytesIO(Path(self.get_label_uri(label_id, label_tag)).read_bytes())

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        """When it was drawn, whether the archive has it, and what clients said of it."""
        if label_tag != "final":
            return self.index.get_info(f"label {label_tag}", self.require_image(label_id).image_id)
        label = self._require_label(label_id)
        known = {"ts": int(label.seconds), "is_stored": bool(label.is_stored), "SeriesInstanceUID": label.series}
        return self.index.get_info("label final", label.label_id) | known

    def update_label_info(self, label_id: str, label_tag: str, info: dict[str, Any]) -> None:
        known = (
            self.require_image(label_id).image_id if label_tag != "final" else self._require_label(label_id).label_id
        )
        self.index.update_info(f"label {label_tag}", known, info)

    def propose_original(self, image_id: str, user: str) -> None:
        """Note that a person got what a model drew on an image and was kept here; nothing where there is none."""
        path = self.files.locate_original(image_id)
        if self.index.get_image(image_id) is None or not path.exists():
            return
        told = self.index.get_info("label original", image_id)
        of_weights = {name: str(value) for name, value in told.get("params", {}).items() if name in TOLD and value}
        by = Assistance(str(told.get("model") or "unknown"), str(told.get("params", {}).get("version", "")), of_weights)
        mask = read_label(path, read_grid(path), image_id=image_id)
        self.work.propose(image_id, user, Proposal(by, RunLengths.from_mask(mask)))

    def list_human_labels(self) -> list[dict[str, Any]]:
        """The newest label of each image, for training.

        Each has ``image``, the file of the mammogram, ``label``, a NIfTI mask on its grid, ``image_id``, ``label_id``,
        and ``patient_id``, the patient's group.
        A label whose pixels cannot be used is left out and counted in the log.

        Raises:
            ArchiveError: an image is not at hand and the archive does not give it.
        """
        self._refresher.refresh_when_due()
        found, left_out = [], 0
        for label in self.index.list_newest_labels():
            try:
                paths = {
                    "image": self.get_image_uri(label.image_id),
                    "label": self.get_label_uri(label.label_id, "final"),
                }
            except InputRefusedError:
                left_out += 1
                continue
            group = self.get_patient_group(label.image_id)
            found.append({**paths, "image_id": label.image_id, "label_id": label.label_id, "patient_id": group})
        if left_out:
            logger.warning("%d labels cannot be used and are left out", left_out)
        return found

    def datalist(self) -> list[dict[str, Any]]:
        return [{"image": item["image"], "label": item["label"]} for item in self.list_human_labels()]

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Save a label, and return its id once it cannot be lost.

        Args:
            label_filename: NIfTI, NRRD, PNG, DICOM SEG or bare bytes; see `label_images`.
            label_tag: ``final``, a person's, or ``original``, a model's, which is only kept here.
            label_info: ``label_info``: names of the values, as MONAI Label's clients send them; ``assessments``: of
                the masses, which the values from 1 on then are; ``strokes``: how often it was changed by hand; ``user``
                and ``role``: who saved, and as what.
                Of ``original`` all is kept for `get_label_info`, such as the model's name.

        Raises:
            ImageNotFoundException: there is no such image.
            InputRefusedError: the file is no label of this image; nothing is saved.
        """
        image = self.require_image(image_id)
        upload = Path(label_filename)
        if label_tag == "original":
            self._save_original(image, upload, label_info)
            return image_id
        if label_tag != "final":
            raise WrongCallError("the tag of a label is 'final' or 'original'.")
        return self.saver.save(image, upload, label_info)

    def withdraw_label(self, label: LabelRow, about: Mapping[str, Any]) -> None:
        """Let a label count no more, also after the index is lost; its files stay where they are.

        Args:
            about: who did it and when.
        """
        self.files.note_withdrawn(label.label_id, about)
        self.index.put_label(replace(label, image_id=""))

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """Refuse to delete a label.

        Raises:
            WrongCallError: always; the next label takes its place.
        """
        raise WrongCallError("a label is never deleted; save another one, which takes its place.")

    def get_dataset_archive(self, limit_cases: int | None) -> str:
        """Path of a new ZIP file with images, masks and their ids.

        It holds what the images say of patients, so whoever sends it removes it; what a server that was killed left is
        removed at the next start.
        """
        return str(write_archive(self._folder, self.list_human_labels()[:limit_cases]))

    def status(self) -> dict[str, Any]:
        """Counts, how many labels wait for the archive, and what is wrong with it or with what was found here."""
        total, completed = len(self.list_images()), len(self.get_labeled_images())
        waiting = self.spool.list_entries()
        troubles = (*(entry.trouble for entry in waiting), self._refresher.trouble, self.set_aside.say_trouble())
        originals = len(list((self.files.folder / "original").glob("*.nii.gz")))
        return {
            "total": total,
            "completed": completed,
            "label_tags": {"final": completed, "original": originals},
            "labels_waiting": len(waiting),
            "trouble": next(filter(None, troubles), ""),
        }

    def json(self) -> dict[str, Any]:
        """The index in MONAI Label's form."""
        infos, originals = self.index.list_infos("image"), self.index.list_infos("label original")
        finals = {label.image_id: {"label_id": label.label_id} for label in self.index.list_newest_labels()}
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

    def _require_label(self, label_id: str) -> LabelRow:
        label = self.index.get_label(label_id)
        if label is None and self.index.get_image(label_id):
            label = next(iter(self.index.list_labels_of(label_id)), None)
        if label is None or not label.image_id:
            raise LabelNotFoundException("there is no such label.")
        return label

    def _save_original(self, image: ImageRow, upload: Path, label_info: Mapping[str, Any]) -> None:
        grid = read_grid(self.locate_image(image))
        masses, others = parse_mass_values(label_info)
        mask = read_label(upload, grid, image_id=image.image_id, masses=masses, others=others)
        with atomic_path(self.files.locate_original(image.image_id)) as temporary:
            write_label(temporary, mask, grid)
            self.index.put_info("label original", image.image_id, {})  # rather nothing than what is said of another
        self.index.put_info("label original", image.image_id, label_info)
