"""A mark in one corner comes out on the mark in the stored pixel grid, in every output, whatever the header says.

The header decides how the network sees an image: a wrong side costs accuracy, never the place of the mask.
"""

import subprocess
from datetime import datetime, timezone
from itertools import combinations, product
from pathlib import Path

import cv2
import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.phantom_dicom import COLUMN_DIRECTION, write_mammogram
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.cad_sr import build_cad_report
from mammoseg.dicom.presentation_state import build_presentation_state
from mammoseg.dicom.secondary_capture import build_secondary_capture
from mammoseg.dicom.sr import build_report
from mammoseg.inference.lesions import find_masses
from mammoseg.inference.predictor import Predictor
from mammoseg.overlay import OUTLINE_BGR
from tests.inference.test_predictor import write_weights
from tests.run_predictor import run_predictor

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
ALGORITHM = Algorithm("unet", "0.1.0", "ab" * 32, 0.5)
SHAPES = {"tall": (192, 128), "square": (160, 160)}
OPPOSITE = str.maketrans("APFHLR", "PAHFRL")

ALL = list(product(("CC", "MLO"), ("YES", "NO"), (0, 180), ("usual", "reversed", "absent")))
"""View, horizontal flip, rotation and Patient Orientation in every combination."""

PAIRS = [
    ("CC", "YES", 0, "usual"),
    ("MLO", "NO", 180, "usual"),
    ("CC", "NO", 0, "reversed"),
    ("MLO", "YES", 180, "reversed"),
    ("CC", "YES", 180, "absent"),
    ("MLO", "NO", 0, "absent"),
]
"""Six of `ALL` that hold every pair of Patient Orientation with another value, for the run that must be quick."""

CANARIES = [
    ("L", "CC", "MONOCHROME1", "tall", "right", "YES", 0, "usual"),
    ("R", "MLO", "MONOCHROME2", "square", "left", "NO", 180, "usual"),
    ("L", "CC", "MONOCHROME1", "square", "left", "YES", 180, "reversed"),
    ("R", "MLO", "MONOCHROME2", "tall", "right", "NO", 0, "reversed"),
    ("L", "CC", "MONOCHROME2", "tall", "left", "NO", 0, "absent"),
    ("R", "MLO", "MONOCHROME1", "square", "right", "YES", 180, "absent"),
    ("L", "MLO", "MONOCHROME1", "tall", "left", "NO", 180, "usual"),
    ("R", "CC", "MONOCHROME2", "square", "right", "YES", 0, "usual"),
]
"""Side, view, photometric interpretation, shape, wall, flip, rotation, Patient Orientation: every pair of values."""

NEAR = 4
"""Pixels that an edge may be off: two of the network's grid."""


def canary(shape: tuple[int, int], wall: str) -> tuple[np.ndarray, np.ndarray]:
    """A breast at the left or right edge with a bright mark at the top near the chest wall, and the mark's mask."""
    rows, columns = shape
    pixels, mark = np.zeros(shape, np.uint16), np.zeros(shape, bool)
    cv2.ellipse(pixels, (0, rows // 2), (int(columns * 0.8), int(rows * 0.45)), 0, 0, 360, 1200, -1)
    mark[rows // 5 : rows // 5 + 20, 8:44] = True
    pixels[mark] = 3600
    return (pixels, mark) if wall == "left" else (pixels[:, ::-1], mark[:, ::-1])


def directions(laterality: str, view: str, *, flip: str, rotation: int, orientation: str) -> dict[str, object]:
    usual = ["A" if laterality == "L" else "P", COLUMN_DIRECTION[view][laterality]]
    reversed_ = [value.translate(OPPOSITE) for value in usual]
    stated = {"usual": usual, "reversed": reversed_, "absent": None}[orientation]
    return {"FieldOfViewHorizontalFlip": flip, "FieldOfViewRotation": rotation, "PatientOrientation": stated}


def write_canary(path: Path, given: tuple) -> np.ndarray:
    """Write one of `CANARIES`, each in a study of its own, and return the mask of its mark."""
    laterality, view, photometric, shape, wall, flip, rotation, orientation = given
    pixels, mark = canary(SHAPES[shape], wall)
    said = directions(laterality, view, flip=flip, rotation=rotation, orientation=orientation)
    study = "-".join(map(str, given))
    write_mammogram(
        path, pixels, laterality=laterality, view=view, photometric=photometric, study=study, attributes=said
    )
    return mark


def make_predictor(folder: Path, **settings: object) -> Predictor:
    """The real path around a network that takes bright pixels for mass."""
    weights = write_weights(folder / "model.pt", spatial_size=[96, 64], **settings)
    predictor = Predictor("unet", weights=weights, device="cpu")
    predictor.engine = lambda images: np.concatenate([0 * images[:, :1], 40 * (images[:, :1] - 0.6)], axis=1)
    return predictor


@pytest.fixture(scope="module")
def predictor(tmp_path_factory) -> Predictor:
    return make_predictor(tmp_path_factory.mktemp("weights"))


def box(mask: np.ndarray) -> np.ndarray:
    """First and last row, first and last column."""
    rows, columns = np.nonzero(mask)
    return np.array([rows.min(), rows.max(), columns.min(), columns.max()])


def assert_on(mark: np.ndarray, found: np.ndarray, *, near: int = NEAR) -> None:
    """`found` is the box of what an output outlines."""
    assert np.abs(found - box(mark)).max() <= near, f"found {found}, the mark is {box(mark)}"


@pytest.mark.parametrize("said", [pytest.param(PAIRS, id="pairs"), pytest.param(ALL, id="all", marks=pytest.mark.slow)])
@pytest.mark.parametrize("wall", ["left", "right"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("laterality", ["L", "R"])
def test_mask_lands_on_the_mark_whatever_the_header_says(
    laterality, photometric, shape, wall, said, predictor, tmp_path
):
    pixels, mark = canary(shape, wall)
    for view, flip, rotation, orientation in said:
        attributes = directions(laterality, view, flip=flip, rotation=rotation, orientation=orientation)
        path = tmp_path / "image.dcm"
        write_mammogram(path, pixels, laterality=laterality, view=view, photometric=photometric, attributes=attributes)
        probability = predictor(path).probability
        assert probability.shape == shape
        assert_on(mark, box(probability >= 0.5))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("settings", [{"aspect": "pad"}, {"crop_to_breast": False, "crop_border": False}], ids=str)
def test_mask_lands_on_the_mark_with_other_preprocessing(settings, shape, tmp_path):
    predictor = make_predictor(tmp_path, **settings)
    for laterality, wall in product(("L", "R"), ("left", "right")):
        pixels, mark = canary(shape, wall)
        write_mammogram(tmp_path / "image.dcm", pixels, laterality=laterality)
        assert_on(mark, box(predictor(tmp_path / "image.dcm").probability >= 0.5))


def test_canaries_hold_every_pair_of_two_values():
    for one, other in combinations(zip(*CANARIES, strict=True), 2):
        assert set(zip(one, other, strict=True)) == set(product(one, other))


@pytest.fixture(params=CANARIES, ids=lambda given: "-".join(map(str, given)))
def run(request, predictor, tmp_path) -> tuple[Analysis, Path, np.ndarray]:
    """A canary segmented by `predict`: its analysis, the folder with what was written, and the mark."""
    path = tmp_path / "image.dcm"
    mark = write_canary(path, request.param)
    cv2.imwrite(str(tmp_path / "picture.png"), read_mammogram(path).pixels.astype(np.uint16) * 16)
    run_predictor(predictor, [path, tmp_path / "picture.png"], tmp_path / "out")
    found = predictor(path)
    lesions = find_masses(found.probability, found.mammogram, threshold=0.5).lesions
    source = pydicom.dcmread(path, stop_before_pixels=True)
    return Analysis(source, lesions, ALGORITHM, WHEN, found.probability), tmp_path, mark


def amber_box(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Box of an outline in a picture of red, green, blue, in pixels of the mammogram, without the number beside it."""
    scale = picture.shape[1] / shape[1]
    amber = (picture == OUTLINE_BGR[::-1]).all(axis=-1)[: round(shape[0] * scale)]
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(amber.astype(np.uint8))
    outline = 1 + np.argmax(boxes[1:, cv2.CC_STAT_WIDTH] * boxes[1:, cv2.CC_STAT_HEIGHT])
    return box(parts == outline) / scale


def graphic_boxes(dataset: pydicom.Dataset, *, graphic_type: str) -> list[np.ndarray]:
    """Boxes of all graphics of an SR or GSPS, from (column, row) with 0\\0 at a corner to indices of pixels."""
    found = []
    for item in dataset.iterall():
        if item.keyword in ("ContentSequence", "GraphicObjectSequence"):
            for content in item.value:
                if content.get("GraphicType") == graphic_type:
                    columns, rows = np.reshape(content.GraphicData, (-1, 2)).T
                    found.append(np.array([rows.min(), rows.max() - 1, columns.min(), columns.max() - 1]))
    return found


def test_every_output_has_the_mask_on_the_mark(run):
    analysis, folder, mark = run
    source, out = analysis.source, folder / "out"

    segmentation = hd.seg.segread(out / "image.seg.dcm")
    assert_on(mark, box(segmentation.get_pixels_by_source_instance([source.SOPInstanceUID])[0, ..., 0]))
    assert_on(mark, box(cv2.imread(str(out / "picture.mask.png"), cv2.IMREAD_UNCHANGED)))
    for name in ("image", "picture"):
        overlay = cv2.imread(str(out / f"{name}.overlay.png"))[..., ::-1]
        assert_on(mark, amber_box(overlay, analysis.shape))

    capture = build_secondary_capture(analysis, read_mammogram(folder / "image.dcm"))
    assert_on(mark, amber_box(capture.pixel_array, analysis.shape))
    for graphics in (build_presentation_state(analysis), build_report(analysis), build_cad_report(analysis)):
        (found,) = graphic_boxes(graphics, graphic_type="POLYLINE")
        assert_on(mark, found)
    (centre,) = graphic_boxes(build_cad_report(analysis), graphic_type="POINT")
    assert np.abs(centre[[0, 2]] - box(mark).reshape(2, 2).mean(axis=1)).max() <= NEAR


@pytest.mark.parametrize("window", [(2048, 4096), (1500, 1000), None], ids=["whole", "narrow", "none"])
def test_monochrome1_and_its_twin_differ_by_at_most_one_grey_level_at_the_network(window, predictor, tmp_path):
    pixels = canary(SHAPES["tall"], "left")[0] + np.random.default_rng(0).integers(0, 400, SHAPES["tall"])
    mirrored = window and (4096 - window[0], window[1])  # PS3.3 C.11.2.1.2.1: the centre c of LINEAR lies at c - 0.5
    write_mammogram(tmp_path / "2.dcm", pixels, window=window)
    write_mammogram(tmp_path / "1.dcm", pixels, window=mirrored, photometric="MONOCHROME1")
    inputs = [predictor.preprocessing(predictor.read(tmp_path / name)).image for name in ("1.dcm", "2.dcm")]
    assert float(np.abs(inputs[0] - inputs[1]).max()) <= 1 / 4095
    assert float(inputs[1].max() - inputs[1].min()) == 1


def test_lossless_compression_changes_no_bit_at_the_network(predictor, tmp_path, dcmcjpeg):
    pixels = canary(SHAPES["tall"], "left")[0] + np.random.default_rng(0).integers(0, 400, SHAPES["tall"])
    write_mammogram(tmp_path / "plain.dcm", pixels)
    for syntax in (JPEGLSLossless, JPEG2000Lossless, RLELossless):
        write_mammogram(tmp_path / f"{syntax.name}.dcm", pixels, transfer_syntax=syntax)
    for process in ("--encode-lossless", "--encode-lossless-sv1"):
        subprocess.run([dcmcjpeg, process, tmp_path / "plain.dcm", tmp_path / f"{process}.dcm"], check=True, timeout=60)
    inputs = {path: predictor.preprocessing(predictor.read(path)).image for path in tmp_path.glob("*.dcm")}
    assert len(inputs) == len({pydicom.dcmread(path).file_meta.TransferSyntaxUID for path in inputs}) == 6
    assert all(np.array_equal(image, inputs[tmp_path / "plain.dcm"]) for image in inputs.values())
