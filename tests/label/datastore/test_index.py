"""What an index notes stays noted, however many note at once."""

import threading

from monailabel_app.lib.datastore.index import Index


def test_what_is_changed_by_two_at_once_holds_both_changes(tmp_path):
    index = Index(tmp_path / "index.sqlite3")
    other = threading.Thread(target=index.change_info, args=("image", "1", lambda known: known | {"b": 2}))

    def change(known):
        other.start()
        other.join(0.2)
        return known | {"a": 1}

    index.change_info("image", "1", change)
    other.join()
    assert index.get_info("image", "1") == {"a": 1, "b": 2}
    index.close()
