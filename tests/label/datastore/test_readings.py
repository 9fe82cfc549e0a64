"""Who skipped an image, and why."""

from concurrent.futures import ThreadPoolExecutor

from monailabel_app.lib.datastore.readings import list_skipped, skip
from tests.label.made_store import opened, write_views


def test_readers_who_skip_an_image_at_once_have_all_skipped_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    write_views(tmp_path / "studies")
    with opened(tmp_path / "studies", tmp_path / "state") as store, ThreadPoolExecutor(8) as threads:
        image, *_ = store.list_images()
        monkeypatch.setattr(store, "get_image_info", lambda image_id: {})  # it was read before the others skipped it
        list(threads.map(lambda number: skip(store, image, f"reader {number}", "blurred"), range(20)))
        monkeypatch.undo()
        assert list_skipped(store, image) == {f"reader {number}": "blurred" for number in range(20)}
