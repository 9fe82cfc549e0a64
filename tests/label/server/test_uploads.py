"""Files from clients: what they are is said by their first bytes, and by their names where these say nothing."""

from io import BytesIO

import pytest
from fastapi import UploadFile

from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.server.uploads import uploaded

DICOM = b"\0" * 128 + b"DICM"


@pytest.mark.parametrize(
    "name, content",
    [
        ("IM000001", DICOM),
        ("x.dicom", DICOM),
        ("1.2.840.113619", DICOM),
        ("x.ppm", b"P6 1 1 255 abc"),
        ("x", b"\x89PNG\r\n\x1a\n"),
    ],
)
def test_an_image_may_have_any_name(tmp_path, name, content):
    with uploaded(UploadFile(BytesIO(content), filename=name), tmp_path) as path:
        assert path.read_bytes() == content and path.suffix == ""


@pytest.mark.parametrize("name", ["mask.bin", "mask.NRRD", "a.b.nii.gz"])
def test_what_has_no_signature_is_taken_by_its_name(tmp_path, name):
    with uploaded(UploadFile(BytesIO(b"x"), filename=name), tmp_path) as path:
        assert name.lower().endswith("".join(path.suffixes))


@pytest.mark.parametrize("name", ["a.exe", "IM000001", "../../etc/passwd"])
def test_another_file_is_refused_and_gone(tmp_path, name):
    with pytest.raises(HttpError) as error, uploaded(UploadFile(BytesIO(b"x"), filename=name), tmp_path):
        pass
    assert (error.value.status_code, error.value.code) == (422, "E_FILE_KIND")
    assert not list((tmp_path / "uploads").iterdir())
