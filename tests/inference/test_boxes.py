"""Weights of patches look into the boxes that a person gives, and nowhere else."""

import tracemalloc

import numpy as np
import pytest

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.inference.ensemble import load_predictor
from mammoseg.inference.predictor import Predictor
from mammoseg.transforms.functional.geometry import Box
from tests.label.bright_model import write_bright_weights


def disc(row, column, radius):
    rows, columns = np.ogrid[:120, :90]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


UPPER, LOWER = disc(35, 30, 10), disc(85, 40, 12)
"""Two discs that are equally bright."""

AROUND_UPPER, AROUND_LOWER = Box(22, 17, 27, 27), Box(70, 25, 31, 31)


@pytest.fixture(params=["L", "R"])
def film(request, tmp_path):
    """A breast with both discs; of side R, so that preprocessing mirrors it."""
    pixels = np.zeros((120, 90), np.uint16)
    pixels[5:115, :80] = 800
    pixels[UPPER | LOWER] = 4000
    write_mammogram(tmp_path / "a.dcm", pixels, laterality=request.param)
    return tmp_path / "a.dcm"


@pytest.fixture
def patches(tmp_path):
    return write_bright_weights(tmp_path / "patches.pt", spatial_size=(64, 64), patch_area=1.2)


def dice(found, truth):
    return 2 * np.count_nonzero(found & truth) / (np.count_nonzero(found) + np.count_nonzero(truth))


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_the_bright_disc_in_the_box_comes_back_at_its_pixels_and_one_beside_it_does_not(film, patches, runtime):
    predictor = Predictor("unet", weights=patches, device="cpu", runtime=runtime, with_boxes=True)
    found = predictor.predict(predictor.read(film), boxes=[AROUND_UPPER])
    mass = found.probability >= 0.5
    assert dice(mass, UPPER) > 0.97 and not (mass & LOWER).any()
    assert found.probability.shape == (120, 90) and found.boxes == (AROUND_UPPER,)


def test_what_is_found_in_several_boxes_is_joined(film, patches):
    predictor = Predictor("unet", weights=patches, device="cpu", with_boxes=True)
    boxes = [AROUND_UPPER, AROUND_LOWER, Box(22, 17, 60, 40)]  # the last one overlaps both
    mass = predictor.predict(predictor.read(film), boxes=boxes).probability >= 0.5
    assert dice(mass, UPPER | LOWER) > 0.97


def test_many_boxes_take_the_memory_of_one(patches, tmp_path):
    pixels = np.zeros((1000, 1000), np.uint16)
    pixels[:, :900] = 800
    write_mammogram(tmp_path / "large.dcm", pixels)
    predictor = Predictor("unet", weights=patches, device="cpu", with_boxes=True)
    mammogram = predictor.read(tmp_path / "large.dcm")

    def measure_peak(count):
        tracemalloc.start()
        predictor.predict(mammogram, boxes=[Box(400, 400, 30, 30)] * count)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    measure_peak(1)
    assert measure_peak(12) - measure_peak(1) < 2 * 4 * 1000 * 1000  # two maps; all of them would be eleven more


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        ([], "E_NO_BOX: these weights look at patches around masses, and no box says where one is"),
        ([Box(100, 60, 30, 20)], "E_BOX: .* row 100, column 60 to row 130, column 80 is empty or outside of the image"),
        (
            [AROUND_UPPER, Box(-1, 0, 5, 5)],
            "E_BOX: the box from row -1, column 0 to row 4, column 5 is empty or outsid",
        ),
        ([AROUND_UPPER] * 65, "E_BOX: 65 boxes of one image, of which 64 may be; leave some out"),
        ([Box(35, 30, 1, 1)], "E_BOX: .* column 31 is under 0.01% of the image, as only specks are; give one around"),
        ([Box(10, 10, 0, 5)], "E_BOX: .* is empty or outside of the image"),
        ([Box(20, 85, 10, 5)], "E_BOX: the box from row 20, column 85 to row 30, column 90 is outside of the breast"),
    ],
)
def test_no_box_and_one_that_is_none_of_the_image_are_refused(boxes, said, film, patches):
    predictor = Predictor("unet", weights=patches, device="cpu", with_boxes=True)
    with pytest.raises(InputRefusedError, match=said):
        predictor.predict(predictor.read(film), boxes=boxes)


def test_weights_of_whole_images_take_no_boxes(tmp_path):
    whole = write_bright_weights(tmp_path / "whole.pt", spatial_size=(64, 64))
    with pytest.raises(WrongCallError, match="these weights look at whole images and take no boxes; leave --boxes"):
        Predictor("unet", weights=whole, device="cpu", with_boxes=True)


def test_the_mean_of_several_weights_looks_into_the_boxes_of_all(film, patches, tmp_path):
    other = write_bright_weights(tmp_path / "other.pt", spatial_size=(32, 32), patch_area=2.0, grey=0.6)
    mean = load_predictor("unet", weights=[patches, other], device="cpu", with_boxes=True)
    found = mean.predict(mean.read(film), boxes=[AROUND_UPPER])
    assert dice(found.probability >= 0.5, UPPER) > 0.9 and found.boxes == (AROUND_UPPER,)
    whole = write_bright_weights(tmp_path / "whole.pt", spatial_size=(64, 64))
    with pytest.raises(WrongCallError, match="some of these weights look at patches and some at whole images"):
        load_predictor("unet", weights=[patches, whole], device="cpu", with_boxes=None)
