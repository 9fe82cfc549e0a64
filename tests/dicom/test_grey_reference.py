"""Every combination of grey-value rules that the header can state, held to the reference written from the standard."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset, uid

from mammoseg.data.decode_worker import answer_image
from mammoseg.dicom.grey import find_padding, look_up
from mammoseg.errors import InputRefusedError
from tests.dicom.grey_reference import Lut, Rules, Window
from tests.made_dicom import mammogram_dataset

SYNTAXES = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian)

PER_WORD = ("words", "bytes of words", "packed")
"""How LUT Data holds entries: numbers one a word, bytes of words, or, of 8 bits, bytes with two a word."""


@dataclass(frozen=True)
class Case:
    """Rules, and how a file states them."""

    rules: Rules
    allocated: int
    syntax: uid.UID
    packing: str


def whole(low, high):
    return st.integers(low, high)


@st.composite
def tables(draw, first):
    bits = draw(whole(8, 16))
    count = draw(st.sampled_from([1, 2, 3, 255, 256, 257, 1000]))
    kind, seed = draw(st.sampled_from(["rising", "falling", "noise"])), draw(whole(0, 9))
    entries = np.linspace(0, 2**bits - 1, count).astype(int)
    if kind == "noise":
        entries = np.random.default_rng(seed).integers(0, 2**bits, count)
    return Lut(draw(first), [int(entry) for entry in (entries[::-1] if kind == "falling" else entries)], bits)


@st.composite
def cases(draw):
    bits, syntax = draw(st.sampled_from([8, 10, 12])), draw(st.sampled_from(SYNTAXES))
    allocated = draw(st.sampled_from([8, 16])) if bits == 8 else 16
    slope, intercept, modality = 1, 0, None
    match draw(st.sampled_from(["nothing", "rescale", "table"])):
        case "rescale":
            slope = draw(st.sampled_from([-10, -2, -1, -0.5, -0.125, 0.125, 0.5, 1, 3]))
            intercept = draw(st.sampled_from([0, 4095, -1024, -0.5, 30000, 1]))
        case "table":
            modality = draw(tables(whole(0, 2**bits)))
    ends = [0, 2**modality.bits - 1] if modality else [intercept, slope * (2**bits - 1) + intercept]
    low, high = sorted(ends)
    voi = None
    match draw(st.sampled_from(["nothing", "window", "window", "table"])):
        case "window":
            function = draw(st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]))
            width = draw(st.sampled_from([1, 2, 256, 1000.5, 4096, 70000] + [0.25] * (function != "LINEAR")))
            voi = Window(draw(st.sampled_from([low, (low + high) / 2, high, 40, 0.25])), width, function)
        case "table":  # an implicit syntax cannot say that a first value is negative where no input can be
            least = 0 if syntax == uid.ImplicitVRLittleEndian and low >= 0 else int(low) - 9
            voi = draw(tables(whole(max(-(2**15), least), min(2**15 - 1, int(high)))))
    outside = [(2**allocated - 1,) * 2, (2**allocated - 2000,) * 2, (2**bits - 9, 2**allocated - 1)]
    inside = [(0, 0), (2**bits - 1,) * 2, (20, 5), (3, 3)]
    padding = draw(st.sampled_from([None, *inside] + outside * (allocated > bits)))
    rules = Rules(bits, slope, intercept, modality, voi, draw(st.booleans()), padding)
    return Case(rules, allocated, syntax, draw(st.sampled_from(PER_WORD)))


def lut_item(lut, case):
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if lut.first < 0 else "US", [len(lut.entries), lut.first, lut.bits])
    order = ">" if case.syntax == uid.ExplicitVRBigEndian else "<"
    if case.packing == "packed" and lut.bits == 8:
        words = np.array(lut.entries + [0] * (len(lut.entries) % 2), "u1").view("<u2")  # the first is the low byte
        item.add_new("LUTData", "OW", words.astype(f"{order}u2").tobytes())
    elif case.packing == "words":
        item.add_new("LUTData", "US", lut.entries)
    else:
        item.add_new("LUTData", "OW", np.array(lut.entries, f"{order}u2").tobytes())
    return item


def pixels_of(rules, allocated):
    """Every stored value once, 16 a row, and a row of padding where that lies outside of Bits Stored."""
    stored = np.arange(2**rules.bits, dtype=np.uint16)
    if rules.padding and max(rules.padding) >= 2**rules.bits:
        stored = np.append(stored, np.full(16, max(rules.padding), np.uint16))
    return stored.reshape(-1, 16).astype(f"u{allocated // 8}")


def write_case(case, path):
    rules = case.rules
    attributes = {"BitsAllocated": case.allocated, "BitsStored": rules.bits, "HighBit": rules.bits - 1}
    attributes["PhotometricInterpretation"] = "MONOCHROME1" if rules.is_inverse else "MONOCHROME2"
    if rules.modality:
        attributes["ModalityLUTSequence"] = [lut_item(rules.modality, case)]
    elif (rules.slope, rules.intercept) != (1, 0):
        attributes |= {"RescaleSlope": rules.slope, "RescaleIntercept": rules.intercept}
    if isinstance(rules.voi, Window):
        attributes |= {"WindowCenter": rules.voi.c, "WindowWidth": rules.voi.w, "VOILUTFunction": rules.voi.function}
    elif rules.voi:
        attributes["VOILUTSequence"] = [lut_item(rules.voi, case)]
    pixels = pixels_of(rules, case.allocated)
    order = ">" if case.syntax == uid.ExplicitVRBigEndian else "<"
    dataset = mammogram_dataset(pixels, PixelData=pixels.astype(pixels.dtype.newbyteorder(order)).tobytes())
    dataset.file_meta.TransferSyntaxUID = case.syntax
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OB" if case.allocated == 8 else "OW"
    if rules.padding:
        dataset.add_new("PixelPaddingValue", "US", rules.padding[0])
        dataset.add_new("PixelPaddingRangeLimit", "US", rules.padding[1])
    dataset.save_as(path, enforce_file_format=True)
    return pixels


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(case=cases())
def test_grey_values_are_those_of_the_standard(tmp_path, case):
    pixels = write_case(case, tmp_path / "case.dcm")
    fields, (table, stored, _) = answer_image(str(tmp_path / "case.dcm"), voi="first", modalities=["MG"])
    np.testing.assert_array_equal(stored, pixels)
    expected = np.array(case.rules.greys(pixels.ravel().tolist())).reshape(pixels.shape)
    tolerance = 1e-6 * max(1, np.abs(expected).max())  # float32
    np.testing.assert_allclose(look_up(table, stored), expected, rtol=1e-6, atol=tolerance)
    if case.rules.padding:
        first, last = sorted(case.rules.padding)
        np.testing.assert_array_equal(find_padding(stored, fields["padding"]), (pixels >= first) & (pixels <= last))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("slope", [1, -1])
def test_signed_pixels_are_refused_as_such(tmp_path, photometric, slope):
    signed = {"PixelRepresentation": 1, "PhotometricInterpretation": photometric, "RescaleSlope": slope}
    mammogram_dataset(**signed, RescaleIntercept=0).save_as(tmp_path / "signed.dcm", enforce_file_format=True)
    with pytest.raises(InputRefusedError, match="E_BITS: the pixels are signed"):
        answer_image(str(tmp_path / "signed.dcm"), voi="first", modalities=["MG"])
