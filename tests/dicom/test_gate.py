"""Bad input is refused by a stable code, and nothing of the patient is repeated."""

import subprocess

import numpy as np
import pydicom
import pytest
from openjpeg.utils import encode_array
from pydicom import uid
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder, pixel_array

from mammoseg.data.mammogram import read_mammogram
from mammoseg.dicom.gate import is_uid, open_dicom
from mammoseg.dicom.pixels import FASTEST_PLUGIN, decode
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
    "pixel data too long": ({"PixelData": b"\0" * 25 + b"\1"}, "E_SIZE"),
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
        read_mammogram(write_mammogram(tmp_path, **attributes))
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
        read_mammogram(path)


def test_a_compressed_stream_that_was_cut_is_truncated(tmp_path):
    dataset = mammogram_dataset()
    dataset.compress(uid.RLELossless)
    path = tmp_path / "cut.dcm"
    dataset.save_as(path, enforce_file_format=True)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InputRefusedError, match="E_TRUNCATED"):
        read_mammogram(path)


def test_a_damaged_stream_is_refused(tmp_path):
    path = tmp_path / "damaged.dcm"
    dataset = mammogram_dataset()
    dataset.compress(uid.RLELossless)
    dataset.PixelData = dataset.PixelData[:16] + b"\xff" * (len(dataset.PixelData) - 24) + dataset.PixelData[-8:]
    dataset.save_as(path, enforce_file_format=True)
    with pytest.raises(InputRefusedError, match="E_COMPRESSION"):
        read_mammogram(path)


def test_an_unknown_compression_is_refused(tmp_path):
    path = write_mammogram(tmp_path)
    content = path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0")
    path.write_bytes(content)
    with pytest.raises(InputRefusedError, match="E_COMPRESSION: .*unknown"):
        read_mammogram(path)


def test_a_jpeg_2000_stream_of_another_size_than_the_header_is_refused_before_decoding(tmp_path):
    dataset = mammogram_dataset(np.tile(RAMP, (20, 20)))
    dataset.compress(uid.JPEG2000Lossless)
    start = dataset.PixelData.find(b"\xff\x4f\xff\x51") + 8
    dataset.PixelData = dataset.PixelData[:start] + (60000).to_bytes(4, "big") + dataset.PixelData[start + 4 :]
    with pytest.raises(InputRefusedError, match="E_SIZE: the stream is 60 x 60000, the header says 60 x 80"):
        decode(dataset)


def test_zero_frames_count_as_one(tmp_path):
    assert read_mammogram(write_mammogram(tmp_path, NumberOfFrames=0)).pixels.shape == (3, 4)


def test_another_modality_is_let_in_by_name(tmp_path):
    path = write_mammogram(tmp_path, SOPClassUID=uid.SecondaryCaptureImageStorage, Modality="RG")
    assert read_mammogram(path, modalities=("MG", "RG")).pixels.shape == (3, 4)


@pytest.mark.parametrize("foreign", [0xF000, 0x1000, RAMP % 7 << 12], ids=["all", "one", "varying"])
def test_foreign_bits_above_bits_stored_are_cleared_and_counted(tmp_path, foreign):
    stored = (RAMP | foreign).astype(np.uint16)
    mammogram = read_mammogram(write_mammogram(tmp_path, stored))
    np.testing.assert_array_equal(mammogram.pixels, RAMP)
    (note,) = mammogram.notes
    assert note.startswith(f"{np.count_nonzero(stored > 4095)} pixels have bits above Bits Stored, which are cleared")


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEG2000Lossless, uid.JPEGLSLossless], ids=lambda s: s.name)
def test_lossless_compression_changes_nothing(syntax):
    stored = np.random.default_rng(0).integers(0, 4096, (32, 48), np.uint16)
    dataset = mammogram_dataset(stored)
    dataset.compress(syntax, encoding_plugin="")
    np.testing.assert_array_equal(decode(dataset), stored)


WITHIN_12_BITS = np.arange(32 * 48, dtype=np.uint16).reshape(32, 48) * 2
BEYOND_12_BITS = WITHIN_12_BITS * 5
"""Up to 15350, which needs 14 bits."""

ENCODERS = {
    "JPEG 2000": (uid.JPEG2000Lossless, {}),
    "JPEG 2000, lossy": (uid.JPEG2000, {"j2k_cr": [2]}),
    "JPEG-LS": (uid.JPEGLSLossless, {}),
    "JPEG-LS, near-lossless": (uid.JPEGLSNearLossless, {"jls_error": 2}),
    "RLE": (uid.RLELossless, {}),
    "JPEG lossless SV1": "+e1",
    "JPEG lossless": "+el",
}
"""What makes a stream: pydicom with a syntax and options, or DCMTK's dcmcjpeg with one of its own."""

LOSSY_ENCODERS = ("JPEG 2000, lossy", "JPEG-LS, near-lossless")


@pytest.fixture(params=ENCODERS)
def encode(request, tmp_path, dcmcjpeg):
    """Compress pixels as so many bits, below a header that says 12; `encode.is_lossy` says whether they change."""

    def encode(stored, bits):
        dataset = mammogram_dataset(stored, BitsStored=bits, HighBit=bits - 1)
        match ENCODERS[request.param]:
            case syntax, options:
                dataset.compress(syntax, **options)
            case option:
                dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
                subprocess.run([dcmcjpeg, option, tmp_path / "a.dcm", tmp_path / "b.dcm"], check=True)
                dataset = pydicom.dcmread(tmp_path / "b.dcm")
        dataset.BitsStored, dataset.HighBit = 12, 11
        return dataset

    encode.is_lossy = request.param in LOSSY_ENCODERS
    return encode


def test_a_stream_whose_pixels_need_more_than_bits_stored_is_refused(encode):
    with pytest.raises(InputRefusedError, match="E_BITS: pixels of the stream need more than the 12 bits"):
        decode(encode(BEYOND_12_BITS, bits=14))


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_a_stream_of_other_bits_is_read_where_its_pixels_lie_within_bits_stored(encode, bits):
    stored = WITHIN_12_BITS & np.uint16(2**bits - 1)
    assert np.abs(decode(encode(stored, bits)).astype(int) - stored).max() <= (2 if encode.is_lossy else 0)


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless], ids=lambda s: s.name)
def test_a_stream_of_fewer_bits_than_bits_stored_is_believed_and_that_is_said(syntax, caplog):
    dataset = mammogram_dataset(WITHIN_12_BITS % 1024, BitsStored=10, HighBit=9)
    dataset.compress(syntax)
    dataset.BitsStored, dataset.HighBit = 12, 11
    decode(dataset)
    assert (dataset.BitsStored, dataset.HighBit) == (10, 9)
    assert "the stream has 10 bits a pixel, the header says 12" in caplog.text


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless], ids=lambda s: s.name)
def test_a_signed_stream_below_an_unsigned_header_is_refused(syntax):
    signed = WITHIN_12_BITS.astype(np.int16) - 2048
    dataset = mammogram_dataset()
    dataset.Rows, dataset.Columns = signed.shape
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([encode_array(signed, bits_stored=12, codec_format=0)])
    with pytest.raises(InputRefusedError, match="E_BITS: the stream has signed pixels"):
        decode(dataset)


def test_a_lossy_stream_may_overshoot_the_largest_value_by_a_little():
    blocks = np.kron(np.random.default_rng(0).integers(0, 2, (32, 32)), np.full((8, 8), 4095)).astype(np.uint16)
    dataset = mammogram_dataset(blocks, BitsStored=16, HighBit=15)
    dataset.compress(uid.JPEG2000, j2k_cr=[5])
    assert 4095 < pixel_array(dataset).max() < 4350
    dataset.BitsStored, dataset.HighBit = 12, 11
    assert decode(dataset).max() == 4095


@pytest.mark.parametrize("padding", [65535, 63536])
@pytest.mark.parametrize("syntax", [None, uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless])
def test_padding_above_bits_stored_stays_as_it_is(syntax, padding, caplog):
    stored = np.where(WITHIN_12_BITS < 300, padding, WITHIN_12_BITS).astype(np.uint16)
    dataset = mammogram_dataset(stored, BitsStored=16, HighBit=15)
    dataset.add_new("PixelPaddingValue", "US", padding)
    if syntax:
        dataset.compress(syntax)
    dataset.BitsStored, dataset.HighBit = 12, 11
    np.testing.assert_array_equal(decode(dataset), stored)
    assert caplog.text == ""


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
