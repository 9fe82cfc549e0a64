"""The mammograms of a datastore: which there are, where they lie, what is known of them, and who works on which.

An image is one instance of an archive, or one file, where MONAI Label's own datastores take a series for an image.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.exception import ImageNotFoundException

from mammoseg.errors import WrongCallError
from monailabel_app.lib.conf import read_modalities, read_number
from monailabel_app.lib.datastore.export import get_ending
from monailabel_app.lib.datastore.index import ImageRow, Index
from monailabel_app.lib.datastore.leases import LEASE_SECONDS, Leases
from monailabel_app.lib.datastore.refresher import Refresher
from monailabel_app.lib.disk import check_room
from monailabel_app.lib.held import held

REFRESH_SECONDS = 10.0
"""Age at which a list is looked over again, in the background, while the old one is given."""

TAKE_OVER_SECONDS = 15.0
"""Time that children of a server that was killed may take to let go of its folder."""


class MammogramDatastore(Datastore):
    """Mammograms of one source, and a folder for the state, which one process at a time has.

    Args:
        name: name that people see.
        folder: folder of the state.
        conf: ``modalities`` (MG), ``refresh_seconds``.

    Raises:
        MammosegError: another server has the folder, or its disk is full.
    """

    def __init__(self, name: str, folder: Path, conf: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        check_room(folder)
        self._held = ExitStack()
        self._held.enter_context(held(folder, folder / "lock", seconds=TAKE_OVER_SECONDS))
        self._name, self._description = name, "Mammograms"
        self._folder = folder
        self.modalities = read_modalities(conf)
        self.index = Index(folder / "index.sqlite3")
        self.leases = Leases(self.index)
        seconds = read_number(conf, "refresh_seconds", REFRESH_SECONDS)
        self._refresher = Refresher(self._scan, lambda: bool(self.index.list_sources()), seconds=seconds)

    def close(self) -> None:
        """Let go of the folder."""
        self._refresher.close()
        self.index.close()
        self._held.close()

    @abstractmethod
    def _scan(self) -> None:
        """Bring the index up to date with the source."""

    @abstractmethod
    def locate_image(self, image: ImageRow) -> Path:
        """The file of an image."""

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
        self._refresher.refresh()

    def list_images(self) -> list[str]:
        """Ids of all images; at once, but for the first time of a new state folder."""
        self._refresher.refresh_when_due()
        return self.index.list_image_ids()

    def get_patient_group(self, image_id: str) -> str:
        """Keyed hash of the image's patient, so that patients stay together and unnamed; a picture's own id."""
        return self.require_image(image_id).patient_group

    def get_image_uri(self, image_id: str) -> str:
        """Path of the image's file.

        Args:
            image_id: an image's, or the UID of a series that holds one image, which is how OHIF's panel names it.

        Raises:
            ImageNotFoundException: there is no such image.
            ArchiveError: it is not at hand and the archive does not give it.
        """
        named = self.index.get_image(image_id) or self.index.find_only_image_of_series(image_id)
        return str(self.locate_image(named or self.require_image(image_id)))

    def get_image(self, image_id: str, params: Any = None) -> BytesIO:
        return BytesIO(Path(self.get_image_uri(image_id)).read_bytes())

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """UIDs, patient group, name of a file to save it under, and what `update_image_info` was told."""
        image = self.require_image(image_id)
        known = {"name": f"{image_id}{self._choose_suffix(image)}", "patient_group": image.patient_group}
        if image.study:
            known |= {
                "StudyInstanceUID": image.study,
                "SeriesInstanceUID": image.series,
                "SOPInstanceUID": image_id,
            }
        return self.index.get_info("image", image_id) | known

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        self.require_image(image_id)
        self.index.update_info("image", image_id, info)

    def change_image_info(self, image_id: str, key: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
        """Put what a function makes of one table of an image's information in its place; nobody changes it between."""
        self.require_image(image_id)
        self.index.change_info("image", image_id, lambda info: info | {key: change(info.get(key, {}))})

    def require_image(self, image_id: str) -> ImageRow:
        """What the index has of an image.

        Raises:
            ImageNotFoundException: there is no such image.
        """
        image = self.index.get_image(image_id)
        if image is None and self._refresher.is_due():  # it may be new
            self.refresh()
            image = self.index.get_image(image_id)
        if image is None:
            raise ImageNotFoundException("there is no such image.")
        return image

    def lease(self, image_id: str, user: str, seconds: float = LEASE_SECONDS) -> bool:
        """Give the image to `user` for a time; False while another has it."""
        return self.leases.take(self.require_image(image_id).image_id, user, seconds)

    def remove_image(self, image_id: str) -> None:
        """Refuse to remove a mammogram.

        Raises:
            WrongCallError: always; it is removed where it comes from.
        """
        raise WrongCallError("mammograms are not removed from here; remove them where they come from.")

    def _choose_suffix(self, image: ImageRow) -> str:
        return get_ending(Path(image.path)) if image.path and not image.study else ".dcm"
