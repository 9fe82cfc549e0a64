"""What a call asks for."""

import pytest

from mammoseg.prediction.asked import Archives

NOTHING = dict.fromkeys(("user", "ca_bundle", "study", "patient", "date"))


@pytest.mark.parametrize(
    ("address", "root"),
    [
        ("https://jane@pacs:8042/a@b/dicom-web/", "https://pacs:8042/a@b/dicom-web"),
        ("https://pacs/dicom-web", "https://pacs/dicom-web"),
        ("dicom://AET@pacs:104", "dicom://AET@pacs:104"),
        (None, None),
    ],
)
def test_an_archive_that_is_stored_in_is_the_same_one_whoever_stores(address, root):
    assert Archives(None, address, **NOTHING).stow_root == root
