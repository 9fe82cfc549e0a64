"""A data source of which a half is labelled."""

import pytest

from tests.label.tiny_models import DictDatastore


@pytest.fixture
def store(tmp_path):
    store = DictDatastore.of_pictures(tmp_path / "images", 4)
    for name in ("image-2", "image-3"):
        del store.masks[name]
    return store
