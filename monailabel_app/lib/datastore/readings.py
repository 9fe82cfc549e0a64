"""Who read an image, and how far the readers agree: of each the newest label that was not withdrawn."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from mammoseg.data.masks import read_mask
from mammoseg.errors import WrongCallError
from mammoseg.metrics.overlap import compute_dice
from monailabel_app.lib.datastore.index import LabelRow
from monailabel_app.lib.datastore.instance import InstanceDatastore
from monailabel_app.lib.datastore.masses import DrawnMass


@dataclass(frozen=True)
class Reading:
    """One reader's label of one image."""

    reader: str
    label: LabelRow

    def read_mask(self, store: InstanceDatastore) -> np.ndarray:
        """bool ``(rows, columns)``, True in a mass."""
        return read_mask(store.get_label_uri(self.label.label_id, "final")) > 0

    def read_masses(self, store: InstanceDatastore) -> list[DrawnMass]:
        """The masses, each by itself."""
        return store.read_drawn_masses(self.label)


def list_readings(store: InstanceDatastore, image_id: str) -> dict[str, Reading]:
    """The reading of each reader; labels that other programs brought have none."""
    found: dict[str, Reading] = {}
    for label in store.index.list_labels_of(image_id):
        if reader := store.index.get_info("label final", label.label_id).get("user"):
            found.setdefault(reader, Reading(reader, label))
    return found


def compute_agreement(store: InstanceDatastore, readings: Mapping[str, Reading]) -> list[dict[str, Any]]:
    """Dice of each two readers; 1 where both found no mass."""
    masks = {reader: reading.read_mask(store) for reader, reading in sorted(readings.items())}
    return [{"readers": [a, b], "dice": _measure_agreement(masks[a], masks[b])} for a, b in combinations(masks, 2)]


def lease_second_reading(store: InstanceDatastore, reader: str) -> str:
    """An image that one other reader has read, leased to this one; empty where there is none."""
    for image_id in store.get_labeled_images():
        others = list_readings(store, image_id)
        is_wanted = len(others) == 1 and reader not in others and reader not in list_skipped(store, image_id)
        if is_wanted and store.lease(image_id, reader):
            return image_id
    return ""


def skip(store: InstanceDatastore, image_id: str, reader: str, reason: str) -> None:
    """Give an image back; it is not the next one of this reader any more."""
    store.change_image_info(image_id, "skipped", lambda skipped: {**skipped, reader: reason})
    store.leases.release(image_id, reader)


def list_skipped(store: InstanceDatastore, image_id: str) -> dict[str, str]:
    """Reasons of the readers who skipped an image."""
    return store.get_image_info(image_id).get("skipped", {})


def withdraw(store: InstanceDatastore, label_id: str, reader: str) -> None:
    """Let a label of a reader count no more; its file stays, and the one before it counts again.

    Raises:
        WrongCallError: he has saved no such label.
    """
    label = store.index.get_label(label_id)
    if label is None or not label.image_id or store.index.get_info("label final", label_id).get("user") != reader:
        raise WrongCallError("only a label of your own can be withdrawn, once.")
    store.withdraw_label(label, {"user": reader, "seconds": time.time()})


def _measure_agreement(a: np.ndarray, b: np.ndarray) -> float:
    if not a.any() or not b.any():
        return float(not a.any() and not b.any())
    return round(compute_dice(a, b), 4)
