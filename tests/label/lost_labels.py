"""Whether every label that a client was told is saved is there: what a test asks after it killed the server."""

from collections.abc import Iterable

from monailabel.interfaces.exception import MONAILabelException

from mammoseg.data.masks import read_mask
from mammoseg.errors import MammosegError
from monailabel_app.lib.datastore.instance import InstanceDatastore


def lost_labels(store: InstanceDatastore, label_ids: Iterable[str]) -> list[str]:
    """Ids of labels that `save_label` returned and that can neither be read, pixels and all, nor wait in the spool."""
    waiting = {entry.label_id for entry in store.spool.list_entries()}
    return [label_id for label_id in label_ids if label_id not in waiting and not _can_be_read(store, label_id)]


def _can_be_read(store: InstanceDatastore, label_id: str) -> bool:
    try:
        read_mask(store.get_label_uri(label_id, "final"))
    except (MammosegError, MONAILabelException, OSError):
        return False
    return True
