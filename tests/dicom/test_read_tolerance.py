"""What a file may lack or have too much of, where nothing is in doubt; and that a refusal names the true reason."""

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate

from mammoseg.data.mammogram import read_mammogram
from mammoseg.dicom.codestream import join_fragments
from mammoseg.dicom.read import read_header
from mammoseg.errors import InputRefusedError
from tests.made_dicom import RAMP, mammogram_dataset, write_mammogram

ABSENT = {
    "SamplesPerPixel": "E_COLOUR: Samples per Pixel is absent or empty",
    "PhotometricInterpretation": "E_COLOUR: Photometric Interpretation is absent or empty",
    "Rows": "E_SIZE: Rows is absent or empty",
    "Columns": "E_SIZE: Columns is absent or empty",
    "BitsAllocated": "E_BITS: Bits Allocated is absent or empty",
    "BitsStored": "E_BITS: Bits Stored is absent or empty",
    "PixelRepresentation": "E_BITS: Pixel Representation is absent or empty",
    "PixelData": "E_NO_PIXELS: Pixel Data is absent, or not of integers",
    "Modality": "E_MODALITY: Modality is absent or empty",
    "SOPClassUID": "E_SOP_CLASS: SOP Class UID is absent or empty",
}


@pytest.mark.parametrize(("keyword", "sentence"), ABSENT.items(), ids=ABSENT)
def test_an_absent_attribute_is_named_as_absent(tmp_path, keyword, sentence):
    dataset = mammogram_dataset(**{keyword: None})
    dataset.preamble = bytes(128)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OW"
    dataset.save_as(tmp_path / "absent.dcm")
    with pytest.raises(InputRefusedError, match=sentence):
        read_mammogram(tmp_path / "absent.dcm")


@pytest.mark.parametrize("keyword", ["Rows", "Modality", "BitsStored", "SamplesPerPixel"])
def test_an_empty_attribute_is_named_as_empty(tmp_path, keyword):
    dataset = mammogram_dataset()
    dataset[keyword].value = None
    dataset.save_as(tmp_path / "empty.dcm", enforce_file_format=True)
    with pytest.raises(InputRefusedError, match="is absent or empty"):
        read_mammogram(tmp_path / "empty.dcm")


OTHER_REASONS = {
    "no transfer syntax": (b"1.2.840.10008.1.2.1\0", bytes(20), "E_COMPRESSION: Transfer Syntax UID is absent"),
    "unknown syntax": (b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0", "E_COMPRESSION: .* UID is unknown"),
}


@pytest.mark.parametrize(("old", "new", "sentence"), OTHER_REASONS.values(), ids=OTHER_REASONS)
def test_a_transfer_syntax_is_absent_or_unknown(tmp_path, old, new, sentence):
    path = write_mammogram(tmp_path)
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(InputRefusedError, match=sentence):
        read_mammogram(path)


GREY_REASONS = {
    "slope alone": ({"RescaleSlope": 2}, "E_RESCALE: Rescale Intercept is absent"),
    "intercept alone": ({"RescaleIntercept": 2}, "E_RESCALE: Rescale Slope is absent"),
    "width alone": ({"WindowWidth": 2}, "E_VOI: Window Center is absent"),
    "more widths": ({"WindowCenter": [1, 2], "WindowWidth": [3, 4, 5]}, "E_VOI: Window Center has 2 values, .* 3"),
    "function": ({"WindowCenter": 9, "WindowWidth": 9, "VOILUTFunction": "WAVY"}, "E_VOI: VOI LUT Function is none of"),
    "signed": ({"PixelRepresentation": 1}, "E_BITS: the pixels are signed"),
}


@pytest.mark.parametrize(("attributes", "sentence"), GREY_REASONS.values(), ids=GREY_REASONS)
def test_grey_values_are_refused_by_their_true_reason(tmp_path, attributes, sentence):
    with pytest.raises(InputRefusedError, match=sentence):
        read_mammogram(write_mammogram(tmp_path, **attributes))


OPTIONAL = {
    "Frame of Reference UID": {"FrameOfReferenceUID": ""},
    "no High Bit": {"HighBit": None},
    "VOI LUT Function": {"VOILUTFunction": "", "WindowCenter": 2048, "WindowWidth": 4096},
    "window": {"WindowCenter": "", "WindowWidth": ""},
    "rescale": {"RescaleSlope": "", "RescaleIntercept": ""},
    "VOI LUT Sequence": {"VOILUTSequence": []},
    "Modality LUT Sequence": {"ModalityLUTSequence": []},
    "Presentation Intent Type": {"PresentationIntentType": ""},
    "Number of Frames": {"NumberOfFrames": ""},
    "Burned In Annotation": {"BurnedInAnnotation": ""},
}


@pytest.mark.parametrize("attributes", OPTIONAL.values(), ids=OPTIONAL)
def test_what_may_be_empty_or_absent_is_read(tmp_path, attributes):
    mammogram = read_mammogram(write_mammogram(tmp_path, **attributes))
    np.testing.assert_allclose(mammogram.pixels, RAMP, atol=1)
    assert mammogram.notes == ()


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID"])
def test_a_uid_in_the_file_meta_information_only_counts(tmp_path, keyword):
    dataset = pydicom.dcmread(write_mammogram(tmp_path))
    stated = dataset[keyword].value
    del dataset[keyword]
    dataset.save_as(tmp_path / "meta.dcm")
    assert read_mammogram(tmp_path / "meta.dcm").sop_instance_uid == mammogram_dataset().SOPInstanceUID
    assert read_header(tmp_path / "meta.dcm")[keyword].value == stated


@pytest.mark.parametrize("padded", [" FOR PROCESSING", "FOR PROCESSING  ", "for processing"])
def test_blanks_around_a_code_mean_nothing(tmp_path, padded):
    with pytest.raises(InputRefusedError, match="E_FOR_PROCESSING"):
        read_mammogram(write_mammogram(tmp_path, PresentationIntentType=padded))


def test_a_padded_photometric_interpretation_is_what_it_says(tmp_path):
    path = write_mammogram(tmp_path, PhotometricInterpretation=" MONOCHROME1 ", Modality=" MG")
    np.testing.assert_array_equal(read_mammogram(path).pixels, 4095 - RAMP)


@pytest.mark.parametrize("padding", [2, 4, 512])
def test_zeros_behind_the_pixels_are_left_out_and_counted(tmp_path, padding):
    mammogram = read_mammogram(write_mammogram(tmp_path, PixelData=RAMP.tobytes() + bytes(padding)))
    np.testing.assert_array_equal(mammogram.pixels, RAMP)
    assert mammogram.notes == (f"{padding} bytes of padding behind the pixels are left out",)


PIXELS = np.arange(32 * 48, dtype=np.uint16).reshape(32, 48) * 2


def write_compressed(path, syntax=uid.JPEG2000Lossless, *, fragments=1):
    """Write a compressed file whose last bytes are the Sequence Delimitation Item, and return them all."""
    dataset = mammogram_dataset(PIXELS)
    dataset.compress(syntax)
    if fragments > 1:
        stream = join_fragments(dataset.PixelData)
        dataset.PixelData = encapsulate([stream], fragments_per_frame=fragments)
    dataset.save_as(path, enforce_file_format=True)
    return path.read_bytes()


ENDS = {
    "nothing": b"",
    "delimiter of no length": b"\xfe\xff\xdd\xe0\xff\xff\xff\xff",
    "zeros": bytes(8),
    "many zeros": bytes(100),
    "Data Set Trailing Padding": b"\xfc\xff\xfc\xffOB\0\0\x02\0\0\0\0\0",
}


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless, uid.RLELossless], ids=lambda s: s.name)
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_whole_stream_without_a_sound_delimiter_is_read_and_that_is_said(tmp_path, syntax, end):
    path = tmp_path / "open.dcm"
    path.write_bytes(write_compressed(path, syntax)[:-8] + end)
    mammogram = read_mammogram(path)
    np.testing.assert_array_equal(mammogram.pixels, PIXELS)
    assert mammogram.notes == ("the compressed pixels end without a delimiter, but as a whole; one is put in",)


@pytest.mark.parametrize("fragments", [2, 7, 40])
def test_a_stream_over_many_fragments_is_read(tmp_path, fragments):
    write_compressed(tmp_path / "many.dcm", fragments=fragments)
    np.testing.assert_array_equal(read_mammogram(tmp_path / "many.dcm").pixels, PIXELS)


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless, uid.RLELossless], ids=lambda s: s.name)
@pytest.mark.parametrize("pieces", [1, 2])
def test_a_stream_without_an_offset_table_is_read_and_that_is_said(tmp_path, syntax, pieces):
    write_compressed(tmp_path / "a.dcm", syntax)
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    stream = join_fragments(dataset.PixelData)
    cut = len(stream) // 2 // 2 * 2 if pieces == 2 else len(stream)
    dataset.PixelData = encapsulate([part for part in (stream[:cut], stream[cut:]) if part], has_bot=False)[8:]
    dataset.save_as(tmp_path / "a.dcm")
    mammogram = read_mammogram(tmp_path / "a.dcm")
    np.testing.assert_array_equal(mammogram.pixels, PIXELS)
    assert mammogram.notes == ("the compressed pixels begin without an offset table; an empty one is put in",)


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless], ids=lambda s: s.name)
def test_half_a_stream_is_truncated_and_never_a_picture_that_is_half_grey(tmp_path, syntax):
    write_compressed(tmp_path / "a.dcm", syntax)
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    stream = join_fragments(dataset.PixelData)
    dataset.PixelData = encapsulate([stream[: len(stream) // 2]])
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(InputRefusedError, match="E_TRUNCATED: the compressed stream has no end"):
        read_mammogram(tmp_path / "a.dcm")


def test_a_stream_cut_between_two_fragments_is_truncated(tmp_path):
    path = tmp_path / "cut.dcm"
    content = write_compressed(path, fragments=3)
    path.write_bytes(content[: content.rindex(b"\xfe\xff\x00\xe0")])
    with pytest.raises(InputRefusedError, match="E_TRUNCATED: .* neither a delimiter nor the end of their stream"):
        read_mammogram(path)
