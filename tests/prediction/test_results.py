"""What `predict` leaves of a file: objects, overlay, table and page, which say the same."""

from dataclasses import replace
from pathlib import Path

import cv2
import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, RLELossless

from mammoseg.calibration import Calibration
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.seg import SegKind
from mammoseg.errors import NothingUsableError
from mammoseg.mammogram import Mammogram
from mammoseg.prediction.file_job import compute_area_mm2
from mammoseg.prediction.options import ObjectKind, Options, parse_objects
from mammoseg.provenance import FILM_WARNING
from tests.made_predictor import BrightIsMass
from tests.prediction.outputs import names_in, rows_of
from tests.run_predictor import run_predictor


def test_dicom_gives_segmentation_overlay_table_and_page(pixels, tmp_path):
    write_mammogram(tmp_path / "left cc.dcm", pixels)
    run_predictor(BrightIsMass(), [tmp_path / "left cc.dcm"], tmp_path / "out")
    assert names_in(tmp_path / "out") == [
        "index.html",
        "left_cc.overlay.png",
        "left_cc.seg.dcm",
        "left_cc.sr.dcm",
        "results.csv",
    ]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("transfer_syntax", [JPEG2000Lossless, RLELossless])
def test_segmentation_lies_on_the_stored_grid_of_its_source(pixels, mass, photometric, transfer_syntax, tmp_path):
    source = write_mammogram(
        tmp_path / "a.dcm", pixels, laterality="R", photometric=photometric, transfer_syntax=transfer_syntax
    )
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    segmentation = hd.seg.segread(tmp_path / "out" / "a.seg.dcm")
    lesions = segmentation.get_pixels_by_source_instance([source.SOPInstanceUID])
    assert lesions.shape == (1, *mass.shape, 2)
    assert np.array_equal(lesions[0].any(axis=-1), mass)
    assert lesions[0, 20, 15, 0] == 1, "the largest lesion comes first"


def test_table_tells_count_area_and_probability(pixels, mass, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels, pixel_spacing_mm=(0.1, 0.2))
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    (row,) = rows_of(tmp_path / "out")
    assert (row["file"], row["status"], row["code"]) == (str(tmp_path / "a.dcm"), "mass found", "")
    assert (row["lesions"], row["segmentation"]) == ("2", "a.seg.dcm")
    assert float(row["area_mm2"]) == pytest.approx(mass.sum() * 0.02, rel=1e-3)
    assert float(row["max_probability"]) == pytest.approx((4000 - 0) / 4095, abs=0.03)


def test_nothing_found_is_a_result_with_an_empty_segmentation(tmp_path):
    source = write_mammogram(tmp_path / "a.dcm", 200 * np.eye(80, 60, dtype=int))
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    assert rows_of(tmp_path / "out")[0]["status"] == "no mass found"
    segmentation = hd.seg.segread(tmp_path / "out" / "a.seg.dcm")
    assert not segmentation.get_pixels_by_source_instance([source.SOPInstanceUID]).any()


def test_nothing_found_without_an_empty_segmentation_is_a_report(tmp_path):
    write_mammogram(tmp_path / "a.dcm", 200 * np.eye(80, 60, dtype=int))
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(empty_seg=False))
    assert names_in(tmp_path / "out") == ["a.overlay.png", "a.sr.dcm", "index.html", "results.csv"]


def test_image_whose_only_object_cannot_be_built_is_refused(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels, attributes={"ImageLaterality": None})
    with pytest.raises(NothingUsableError):
        run_predictor(
            BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(objects=parse_objects("cad_sr"))
        )
    assert rows_of(tmp_path / "out")[0]["status"] == "refused"


def test_probabilities_are_written_when_asked_for(pixels, tmp_path):
    source = write_mammogram(tmp_path / "a.dcm", pixels)
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(kind=SegKind.FRACTIONAL))
    segmentation = hd.seg.segread(tmp_path / "out" / "a.seg.dcm")
    expected = BrightIsMass()(tmp_path / "a.dcm").probability
    assert segmentation.SegmentationType == "FRACTIONAL"
    probability = segmentation.get_pixels_by_source_instance([source.SOPInstanceUID])[0, ..., 0]
    assert np.abs(probability - expected).max() <= 0.5 / 255 + 1e-6


def test_threshold_of_the_call_is_used_and_written(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels)
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(threshold=0.999))
    assert rows_of(tmp_path / "out")[0]["lesions"] == "0"
    segment = pydicom.dcmread(tmp_path / "out" / "a.seg.dcm").SegmentSequence[0]
    assert "threshold=0.999" in segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters


@pytest.mark.parametrize(("ending", "depth"), [("png", np.uint8), ("png", np.uint16), ("tif", np.uint16)])
def test_picture_gives_a_mask_picture(pixels, mass, ending, depth, tmp_path):
    cv2.imwrite(str(tmp_path / f"a.{ending}"), (pixels * (np.iinfo(depth).max / 4000)).astype(depth))
    run_predictor(BrightIsMass(), [tmp_path / f"a.{ending}"], tmp_path / "out")
    assert rows_of(tmp_path / "out")[0]["segmentation"] == "a.mask.png"
    written = cv2.imread(str(tmp_path / "out" / "a.mask.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(written, mass * np.uint8(255))
    assert rows_of(tmp_path / "out")[0]["area_mm2"] == "", "a PNG has no honest spacing"


def test_picture_gives_a_probability_picture_when_asked_for(mass, breast, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.where(mass, 51, 20 * breast).astype(np.uint8))  # 51 / 255 = 0.2
    run_predictor(BrightIsMass(), [tmp_path / "a.png"], tmp_path / "out", options=Options(kind=SegKind.FRACTIONAL))
    written = cv2.imread(str(tmp_path / "out" / "a.probability.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(written, np.where(mass, 13107, 5140 * breast))  # 0.2 * 65535, and 20 / 255 of it


@pytest.mark.parametrize(("options", "found"), [({"min_area_pixels": 100}, 1), ({"min_area_mm2": 1.0}, 2)])
def test_smaller_lesions_than_asked_for_are_left_out(options, found, pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels, pixel_spacing_mm=(0.1, 0.2))  # areas of 197 and 81 pixels
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(**options))
    assert rows_of(tmp_path / "out")[0]["lesions"] == str(found)


def test_what_is_too_small_is_told_beside_nothing_found(pixels, tmp_path, capsys):
    write_mammogram(tmp_path / "a.dcm", pixels, pixel_spacing_mm=(0.1, 0.2))  # 3.9 and 1.6 mm2
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(min_area_mm2=5))
    (row,) = rows_of(tmp_path / "out")
    assert (row["status"], row["left_out"]) == ("no mass found", "2 regions under 5 mm2, as asked for")
    assert "note: no mass found; left out: 2 regions under 5 mm2, as asked for\n" in capsys.readouterr().err
    assert "2 regions under 5 mm²" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_what_is_too_small_beside_a_mass_is_tabled_only(pixels, tmp_path, capsys):
    write_mammogram(tmp_path / "a.dcm", pixels, pixel_spacing_mm=(0.1, 0.2))
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(min_area_mm2=3))
    assert rows_of(tmp_path / "out")[0]["left_out"] == "1 region under 3 mm2, as asked for"
    assert "left out" not in capsys.readouterr().err


def test_smallest_area_in_mm2_needs_a_spacing(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels, attributes={"ImagerPixelSpacing": None})
    with pytest.raises(NothingUsableError):
        run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(min_area_mm2=1.0))
    assert rows_of(tmp_path / "out")[0]["code"] == "E_SPACING"


def test_area_is_that_in_the_breast(mass):
    def mammogram(spacing, source, magnification):
        return Mammogram(np.zeros((1, 1)), None, None, spacing, source, magnification, (0, 1), Path("a"))

    square = np.zeros((20, 20), bool)
    square[:10, :10] = True  # 100 pixels
    assert compute_area_mm2([square, square], mammogram((0.1, 0.2), "ImagerPixelSpacing", None)) == pytest.approx(4.0)
    assert compute_area_mm2([square], mammogram((0.1, 0.2), "ImagerPixelSpacing", 2.0)) == pytest.approx(0.5)
    assert compute_area_mm2([square], mammogram((0.1, 0.2), "PixelSpacing", 2.0)) == pytest.approx(2.0)
    assert compute_area_mm2([square], mammogram(None, None, 2.0)) is None


def test_what_a_user_should_know_of_a_file_is_said_and_tabled(pixels, tmp_path, capsys):
    with pydicom.config.disable_value_validation():
        write_mammogram(
            tmp_path / "a.dcm", pixels, attributes={"PatientBirthDate": "00000000", "ImageLaterality": None}
        )
    objects = parse_objects("seg,sr,cad_sr")
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(objects=objects))
    (row,) = rows_of(tmp_path / "out")
    assert "malformed and left out of the results: PatientBirthDate" in row["notes"]
    assert "no Mammography CAD SR" in row["notes"]
    assert (row["cad_report"], row["report"]) == ("", "a.sr.dcm")
    assert "a.dcm: note: malformed and left out" in capsys.readouterr().err


def test_each_mass_has_its_score_in_table_page_and_picture(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", np.where(pixels == 4000, 3072, pixels))  # of 4095: 0.75, logit ln 3
    calibration = Calibration(scale=1.0, offset=-np.log(3), fitted_on="films")
    plain, calibrated = BrightIsMass(), BrightIsMass(replace(BrightIsMass.algorithm, calibration=calibration))
    rows = {}
    for name, predictor in (("plain", plain), ("calibrated", calibrated)):
        run_predictor(predictor, [tmp_path / "a.dcm"], tmp_path / name)
        rows[name] = rows_of(tmp_path / name)[0]
    assert (rows["plain"]["scores"], rows["plain"]["score_kind"]) == ("Mass 1: 0.75; Mass 2: 0.75", "uncalibrated")
    assert rows["calibrated"]["scores"] == "Mass 1: 0.50; Mass 2: 0.50"
    assert rows["calibrated"]["score_kind"] == "calibrated on films"
    page = (tmp_path / "calibrated" / "index.html").read_text()
    assert "<td>Mass 1: 0.50; Mass 2: 0.50</td>" in page
    assert "calibrated on films: estimated share" in page and "no probability of cancer" in page
    pictures = [cv2.imread(str(tmp_path / name / "a.overlay.png")) for name in rows]
    assert (pictures[0] != pictures[1]).any(), "the score stands in the picture"


def test_the_least_area_of_the_weights_is_used_written_and_gives_way_to_that_of_the_call(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels, pixel_spacing_mm=(0.1, 0.2))  # areas of 3.94 and 1.62 mm2
    predictor = BrightIsMass(replace(BrightIsMass.algorithm, min_area_mm2=2.0))
    for options, found in ((Options(), "1"), (Options(min_area_mm2=1.0), "2"), (Options(min_area_pixels=10), "2")):
        run_predictor(predictor, [tmp_path / "a.dcm"], tmp_path / "out", options=options)
        assert rows_of(tmp_path / "out")[0]["lesions"] == found
        written = "min_area_mm2=" in pydicom.dcmread(tmp_path / "out" / "a.sr.dcm").to_json()
        assert written == (options.min_area_pixels is None)


def test_what_must_be_said_of_the_weights_is_said_on_the_terminal_on_the_page_and_in_the_report(
    pixels, tmp_path, capsys
):
    write_mammogram(tmp_path / "a.dcm", pixels)
    algorithm = replace(BrightIsMass.algorithm, warning=FILM_WARNING)
    run_predictor(BrightIsMass(algorithm), [tmp_path / "a.dcm"], tmp_path / "out")
    assert f"WARNING: {FILM_WARNING}" in capsys.readouterr().err
    assert FILM_WARNING in (tmp_path / "out" / "index.html").read_text()
    report = pydicom.dcmread(tmp_path / "out" / "a.sr.dcm")
    assert FILM_WARNING in [element.value for element in report.iterall()]


def test_table_and_every_object_name_file_hash_and_data_of_the_weights_and_what_must_be_said_of_them(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels)
    film = {"weights_file": "shipped.safetensors", "trained_on": "cbis_ddsm", "warning": FILM_WARNING}
    algorithm = replace(BrightIsMass.algorithm, **film)
    run_predictor(
        BrightIsMass(algorithm), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(objects=tuple(ObjectKind))
    )
    facts = {"weights_file": "shipped.safetensors", "weights_sha256": "ab" * 32, "trained_on": "cbis_ddsm"}
    (row,) = rows_of(tmp_path / "out")
    assert {name: row[name] for name in facts} == facts
    for file in ("a.seg.dcm", "a.sr.dcm"):
        text = pydicom.dcmread(tmp_path / "out" / file).to_json()
        assert all(f"{name}={value}" in text for name, value in facts.items()), file
    objects = list((tmp_path / "out").glob("*.dcm"))
    assert len(objects) == len(ObjectKind)
    for file in objects:
        told = " ".join(item.ContributionDescription for item in pydicom.dcmread(file).ContributingEquipmentSequence)
        assert FILM_WARNING in told and all(f"{name}={value}" in told for name, value in facts.items()), file.name
