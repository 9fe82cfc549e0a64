"""What a person may ask of the results, and wrong values of it."""

import pytest

from mammoseg.dicom.seg import SegKind
from mammoseg.errors import WrongCallError
from mammoseg.prediction.options import ObjectKind, Options, parse_choice, parse_objects


@pytest.mark.parametrize("names", ["seg,sr", ("seg", "sr"), "SEG, sr,seg"])
def test_objects_are_named_by_text_or_list(names):
    assert parse_objects(names) == (ObjectKind.SEGMENTATION, ObjectKind.REPORT)


@pytest.mark.parametrize("names", ["seg,pdf", ""])
def test_unknown_object_is_answered_with_the_known_ones(names):
    with pytest.raises(WrongCallError, match="give one of seg, sr, cad_sr, sc, gsps"):
        parse_objects(names)


def test_choice_is_found_without_regard_to_case():
    assert parse_choice(SegKind, "Binary", "segmentation") is SegKind.BINARY


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"threshold": 0.0}, "threshold is 0.0"),
        ({"threshold": "abc"}, "threshold is 'abc'; give a number"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"min_area_mm2": -1.0}, "min_area_mm2 is -1.0"),
        ({"min_area_mm2": 1.0, "min_area_pixels": 1.0}, "both given"),
        ({"empty_seg": False, "objects": parse_objects("seg")}, "no_empty_seg needs the report"),
    ],
)
def test_values_out_of_range_are_a_wrong_call(values, message):
    with pytest.raises(WrongCallError, match=message):
        Options(**values)
