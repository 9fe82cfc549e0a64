"""Bad input is refused by a stable code, and nothing of the patient is repeated."""

import numpy as np
import pytest
from pydicom import uid
from pydicom.pixels import get_decoder

from mammoseg.dicom.gate import FASTEST_PLUGIN, decode, is_uid, open_dicom
from mammoseg.dicom.read import read_dicom
from mammoseg.errors import InputRefusedError
from tests.made_dicom import RAMP, mammogram_dataset, write_mammogram

DESCRIPTIONS = {
    "no pixels": ({"PixelData": None}, "E_NO_PIXELS"),
    "several frames": ({"NumberOfFrames": 5}, "E_MULTIFRAME"),
    "tomosynthesis": ({"SOPClassUID": uid.BreastTomosynthesisImageStorage, "NumberOfFrames": 40}, "E_MULTIFRAME"),
    "colour": ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "E_COLOUR"),
    "grey of three samples": ({"SamplesPerPixel": 3}, "E_COLOUR"),
    "palette": ({"PhotometricInterpretation": "PALETTE COLOR"}, "E_COLOUR"),
    "no photometric interpretation": ({"PhotometricInterpretation": None}, "E_COLOUR"),
    "another modality": ({"Modality": "CT"}, "E_MODALITY"),
    "no modality": ({"Modality": None}, "E_MODALITY"),
    "no rows": ({"Rows": 0}, "E_SIZE"),
    "rows missing": ({"Rows": None}, "E_SIZE"),
    "sides beyond any detector": ({"Rows": 65535, "Columns": 65535}, "E_SIZE"),
    "segmentation": ({"SOPClassUID": uid.SegmentationStorage}, "E_SOP_CLASS"),
    "report": ({"SOPClassUID": uid.MammographyCADSRStorage}, "E_SOP_CLASS"),
    "CT image class": ({"SOPClassUID": uid.CTImageStorage}, "E_SOP_CLASS"),
    "private class": ({"SOPClassUID": "1.2.3.4"}, "E_SOP_CLASS"),
    "for processing": ({"SOPClassUID": uid.DigitalMammographyXRayImageStorageForProcessing}, "E_FOR_PROCESSING"),
    "intended for processing": ({"PresentationIntentType": "FOR PROCESSING"}, "E_FOR_PROCESSING"),
    "twelve bits allocated": ({"BitsAllocated": 12}, "E_BITS"),
    "more bits stored than allocated": ({"BitsAllocated": 8}, "E_BITS"),
    "signed": ({"PixelRepresentation": 1}, "E_BITS"),
    "pixel data too short": ({"PixelData": b"\0" * 10}, "E_TRUNCATED"),
    "pixel data too long": ({"PixelData": b"\0" * 26}, "E_SIZE"),
    "pixels stored high": ({"HighBit": 15}, "E_BITS"),
    "two numbers of rows": ({"Rows": [3, 4]}, "E_ATTRIBUTE"),
    "two modalities": ({"Modality": ["MG", "CT"]}, "E_ATTRIBUTE"),
    "path for a UID": ({"SeriesInstanceUID": ".."}, "E_DICOM_UID"),
    "empty UID": ({"StudyInstanceUID": ""}, "E_DICOM_UID"),
    "long UID": ({"FrameOfReferenceUID": "1." + "2" * 63}, "E_DICOM_UID"),
    "two UIDs": ({"StudyInstanceUID": ["1.2", "1.3"]}, "E_ATTRIBUTE"),
    "rescale by nothing": ({"RescaleSlope": 0, "RescaleIntercept": 0}, "E_RESCALE"),
}


@pytest.mark.parametrize(("attributes", "code"), DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_refused(tmp_path, attributes, code):
    with pytest.raises(InputRefusedError) as refusal:
        read_dicom(write_mammogram(tmp_path, **attributes))
    assert refusal.value.code == code
    assert "Secret" not in str(refusal.value)


@pytest.mark.parametrize("value", ["", ".", "..", "1.2.3\n", "1..2", "1.02", "1." + "2" * 63, "1.2/3", "a"])
def test_what_is_no_uid(value):
    assert not is_uid(value)


@pytest.mark.parametrize("value", ["1", "1.2.840.10008.1.2", "0.0", "1." + "2" * 62])
def test_what_is_a_uid(value):
    assert is_uid(value)


@pytest.mark.parametrize("size", [300, 420])
def test_a_header_that_was_cut_is_truncated(tmp_path, size):
    path = write_mammogram(tmp_path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InputRefusedError, match="E_TRUNCATED"):
        open_dicom(path)


def test_pixels_that_were_cut_are_truncated(tmp_path):
    path = write_mammogram(tmp_path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputRefusedError, match="E_TRUNCATED"):
        read_dicom(path)


def test_a_compressed_stream_that_was_cut_is_truncated(tmp_path):
    dataset = mammogram_dataset()
    dataset.compress(uid.RLELossless)
    path = tmp_path / "cut.dcm"
    dataset.save_as(path, enforce_file_format=True)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InputRefusedError, match="E_TRUNCATED"):
        read_dicom(path)


def test_a_damaged_stream_is_refused(tmp_path):
    path = tmp_path / "damaged.dcm"
    dataset = mammogram_dataset()
    dataset.compress(uid.RLELossless)
    dataset.PixelData = dataset.PixelData[:16] + b"\xff" * (len(dataset.PixelData) - 24) + dataset.PixelData[-8:]
    dataset.save_as(path, enforce_file_format=True)
    with pytest.raises(InputRefusedError, match="E_COMPRESSION"):
        read_dicom(path)


def test_an_unknown_compression_is_refused(tmp_path):
    path = write_mammogram(tmp_path)
    content = path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0")
    path.write_bytes(content)
    with pytest.raises(InputRefusedError, match="E_COMPRESSION: .*unknown"):
        read_dicom(path)


def test_a_jpeg_2000_stream_of_another_size_than_the_header_is_refused_before_decoding(tmp_path):
    dataset = mammogram_dataset(np.tile(RAMP, (20, 20)))
    dataset.compress(uid.JPEG2000Lossless)
    start = dataset.PixelData.find(b"\xff\x4f\xff\x51") + 8
    dataset.PixelData = dataset.PixelData[:start] + (60000).to_bytes(4, "big") + dataset.PixelData[start + 4 :]
    with pytest.raises(InputRefusedError, match="E_SIZE: the stream is 60 x 60000, the header says 60 x 80"):
        decode(dataset)


def test_zero_frames_count_as_one(tmp_path):
    assert read_dicom(write_mammogram(tmp_path, NumberOfFrames=0)).pixels.shape == (3, 4)


def test_another_modality_is_let_in_by_name(tmp_path):
    path = write_mammogram(tmp_path, SOPClassUID=uid.SecondaryCaptureImageStorage, Modality="RG")
    assert read_dicom(path, modalities=("MG", "RG")).pixels.shape == (3, 4)


def test_garbage_above_bits_stored_is_cleared(tmp_path):
    path = write_mammogram(tmp_path, RAMP | 0xF000)
    np.testing.assert_array_equal(read_dicom(path).pixels, RAMP)


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEG2000Lossless, uid.JPEGLSLossless], ids=lambda s: s.name)
def test_lossless_compression_changes_nothing(syntax):
    stored = np.random.default_rng(0).integers(0, 4096, (32, 48), np.uint16)
    dataset = mammogram_dataset(stored)
    dataset.compress(syntax, encoding_plugin="")
    np.testing.assert_array_equal(decode(dataset), stored)


@pytest.mark.parametrize(
    ("syntax", "highest"),
    [(uid.JPEG2000Lossless, 0x0FFF), (uid.JPEGLSLossless, 0x0FFF), (uid.JPEG2000, 0x0FFF)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_streams_of_more_bits_than_bits_stored_stay_within_them(syntax, highest):
    dataset = mammogram_dataset(np.full((32, 48), 0xF123, np.uint16), BitsStored=16, HighBit=15)
    dataset.compress(syntax, **({"j2k_cr": [2]} if syntax == uid.JPEG2000 else {}))
    dataset.BitsStored, dataset.HighBit = 12, 11
    expected = highest if syntax == uid.JPEG2000 else 0x123  # a lossy value is too large, not made of foreign bits
    assert np.abs(decode(dataset).astype(int) - expected).max() <= 8


def test_pixels_of_a_big_endian_file_come_in_the_byte_order_of_the_machine(tmp_path):
    dataset = mammogram_dataset(RAMP.astype(">u2").view("<u2"))
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRBigEndian
    dataset.save_as(tmp_path / "big.dcm", enforce_file_format=True)
    stored = decode(open_dicom(tmp_path / "big.dcm"))
    assert stored.dtype.isnative
    np.testing.assert_array_equal(stored, RAMP)


def test_the_plugins_named_as_fastest_exist():
    for syntax, plugin in FASTEST_PLUGIN.items():
        assert plugin in get_decoder(syntax).available_plugins
