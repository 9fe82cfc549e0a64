"""A model answers with a mask, with numbers and with a DICOM SEG, and fails rather than find nothing by mistake."""

import json
import threading
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pytest
import SimpleITK
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.errors import InputRefusedError
from mammoseg.files import hash_file
from mammoseg.inference.engines.int8 import find_int8
from mammoseg.inference.engines.torch_engine import TorchEngine
from mammoseg.inference.predictor import Prediction
from mammoseg.provenance import FILM_WARNING, PHANTOM_WARNING
from monailabel_app.lib.models import serving
from monailabel_app.lib.models.discover import ModelNotReadyError
from monailabel_app.lib.models.infer import MassInferTask
from tests.full_disk import files_up_to
from tests.label.tiny_models import served_model, write_picture, write_weights


@pytest.fixture
def task(tmp_path):
    return MassInferTask(served_model(tmp_path, write_weights(tmp_path / "w.pt")))


@pytest.fixture
def picture(tmp_path):
    return write_picture(tmp_path / "image.png")


@pytest.fixture
def dicom(tmp_path):
    """64 rows and 48 columns."""
    pixels = cv2.imread(str(write_picture(tmp_path / "for-dicom.png")[0]), cv2.IMREAD_GRAYSCALE)
    write_mammogram(tmp_path / "image.dcm", pixels.astype(np.uint16) * 16)
    return tmp_path / "image.dcm"


def answer(task, mask, monkeypatch):
    """Make the network of `task` say that exactly `mask` is mass, 0.9 where it is and 0.1 elsewhere."""
    predictor = task.model.load_predictor()

    def predict(mammogram, *, boxes=()):
        return Prediction(np.where(mask, np.float32(0.9), np.float32(0.1)), mammogram)

    monkeypatch.setattr(predictor, "predict", predict)


def lopsided() -> np.ndarray:
    """A mask of 64 x 48 that no turn or flip leaves as it is."""
    mask = np.zeros((64, 48), bool)
    mask[10:30, 5:9] = True
    mask[26:30, 5:20] = True
    return mask


def run(task, image, **request):
    file, params = task({"image": str(image), **request})
    return Path(file), params


@pytest.mark.parametrize(
    "source, warning", [("phantom", PHANTOM_WARNING), ("cbis_ddsm", FILM_WARNING), ("folder", None)]
)
def test_file_hash_data_and_warning_of_the_weights_stand_in_the_list_and_with_each_mask(
    tmp_path, picture, monkeypatch, source, warning
):
    weights = write_weights(tmp_path / "w.pt", provenance={"bundle": "unet", "source": source})
    task = MassInferTask(served_model(tmp_path, weights))
    assert task.info()["warning"] == task.warning == warning
    assert task.info()["description"].endswith(warning or "not for diagnosis")
    answer(task, lopsided(), monkeypatch)
    file, params = run(task, picture[0])
    facts = {
        "weights_file": "w.pt",
        "weights_sha256": hash_file(weights),
        "trained_on": source,
        "warning": warning,
    }
    assert facts.items() <= task.info().items() and facts.items() <= params.items()
    file.unlink()


def test_the_list_of_models_comes_though_weights_cannot_be_read(tmp_path):
    (tmp_path / "w.pt").write_bytes(b"no weights")
    assert MassInferTask(served_model(tmp_path, tmp_path / "w.pt")).info()["warning"] is None


def test_the_mask_of_a_picture_is_on_its_grid(task, picture, monkeypatch):
    path, _ = picture
    answer(task, lopsided(), monkeypatch)
    file, _ = run(task, path, result_extension=".png")
    assert np.array_equal(cv2.imread(str(file), cv2.IMREAD_UNCHANGED), lopsided() * np.uint8(255))
    file.unlink()


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_the_mask_of_a_dicom_image_lies_where_itk_sees_the_image(task, dicom, monkeypatch, suffix):
    answer(task, lopsided(), monkeypatch)
    file, _ = run(task, dicom, result_extension=suffix)
    mask, image = SimpleITK.ReadImage(str(file)), SimpleITK.ReadImage(str(dicom))
    assert mask.GetPixelID() == SimpleITK.sitkUInt8 and mask.GetSize() == image.GetSize() == (48, 64, 1)
    for name in ("GetOrigin", "GetSpacing", "GetDirection"):
        assert getattr(mask, name)() == pytest.approx(getattr(image, name)(), abs=1e-6), name
    assert np.array_equal(SimpleITK.GetArrayFromImage(mask)[0], lopsided())
    file.unlink()


@pytest.mark.parametrize("suffix", [".png", ".nii.gz", ".nrrd"])
def test_a_mask_for_one_answer_is_private_and_waits_for_no_disk(task, picture, monkeypatch, suffix):
    monkeypatch.setattr("os.fsync", lambda descriptor: pytest.fail("nobody needs it after the answer"))
    file, _ = run(task, picture[0], result_extension=suffix)
    assert file.stat().st_mode & 0o777 == 0o600
    file.unlink()


@pytest.mark.parametrize("suffix", [".png", ".nii.gz", ".nrrd"])
def test_a_mask_that_the_full_disk_cuts_off_is_no_answer(task, picture, suffix):
    with files_up_to(20), pytest.raises(OSError, match="File too large"):
        run(task, picture[0], result_extension=suffix)


def test_the_mask_is_nifti_unless_asked_otherwise(task, picture):
    file, _ = run(task, picture[0])
    assert file.name.endswith(".nii.gz") and nibabel.load(file).shape == (48, 64, 1)
    file.unlink()


def test_numbers_of_a_lesion_can_be_counted_by_hand(task, dicom, monkeypatch):
    mask = np.zeros((64, 48), bool)
    mask[10:14, 20:30] = True
    answer(task, mask, monkeypatch)
    file, params = run(task, dicom)
    file.unlink()
    (lesion,) = params["lesions"]
    assert params["lesion_count"] == 1 and params["label_names"] == {"mass": 1}
    assert lesion["area_pixels"] == 40 and lesion["area_mm2"] == pytest.approx(40 * 0.07 * 0.07, abs=1e-3)
    assert lesion["centroid"] == [24.5, 11.5]  # column, row
    assert lesion["max_probability"] == lesion["score"] == pytest.approx(0.9)
    assert params["version"] == 0 and params["threshold"] == 0.5 and params["latencies"]["total"] > 0
    json.dumps(params)


def test_the_threshold_of_the_request_decides(task, picture, monkeypatch):
    answer(task, lopsided(), monkeypatch)
    file, params = run(task, picture[0], threshold="0.95")
    assert params["lesion_count"] == 0 and params["threshold"] == 0.95
    file.unlink()


@pytest.mark.parametrize("value", [0, 1, -1, "nan", "inf", "much", True, [0.5]])
def test_a_threshold_that_is_none_is_refused(task, picture, value):
    with pytest.raises(InputRefusedError, match="threshold must be a number above 0 and below 1"):
        run(task, picture[0], threshold=value)


def test_an_unknown_kind_of_file_is_refused(task, picture):
    with pytest.raises(InputRefusedError, match="result_extension must be one of"):
        run(task, picture[0], result_extension="../x.sh")


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5, 1.5])
def test_values_that_are_no_probabilities_are_a_failure_not_no_mass(task, picture, monkeypatch, value):
    broken = np.full((64, 48), value, np.float32)
    monkeypatch.setattr(
        task.model.load_predictor(), "predict", lambda mammogram, boxes=(): Prediction(broken, mammogram)
    )
    with pytest.raises(InputRefusedError, match="E_NETWORK"):
        run(task, picture[0])


def test_a_network_that_gives_nan_is_a_failure(task, picture):
    task.model.load_predictor().engine = lambda images: np.full((1, 2, 32, 32), np.nan)
    with pytest.raises(InputRefusedError, match="E_NOT_FINITE"):
        run(task, picture[0])


def test_a_dicom_seg_refers_to_its_image_and_names_the_weights(task, dicom, monkeypatch):
    answer(task, lopsided(), monkeypatch)
    found = dcmread(DicomBytesIO(task.encode_segmentation(dicom)))
    assert found.SOPClassUID.name == "Segmentation Storage"
    (series,) = found.ReferencedSeriesSequence
    assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == dcmread(dicom).SOPInstanceUID
    assert np.array_equal(found.pixel_array.reshape(64, 48), lopsided())
    (algorithm,) = found.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
    assert task.model.load_predictor().weights_sha256 in algorithm.AlgorithmParameters


def test_no_dicom_seg_of_a_picture(task, picture):
    with pytest.raises(InputRefusedError, match="E_NOT_DICOM"):
        task.encode_segmentation(picture[0])


def test_results_leave_no_folder_behind(task, dicom, monkeypatch, tmp_path):
    private = tmp_path / "tmp"
    private.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(private))
    task.encode_segmentation(dicom)
    file, _ = run(task, dicom)
    assert [path.name for path in private.iterdir()] == [file.name]
    assert file.stat().st_mode & 0o077 == 0


def test_requests_at_the_same_time_load_once(tmp_path, picture, monkeypatch):
    model = served_model(tmp_path, write_weights(tmp_path / "w.pt"))
    loads: list[int] = []
    real = serving.load_predictor
    monkeypatch.setattr(serving, "load_predictor", lambda *a, **k: (loads.append(1), real(*a, **k))[1])
    masks: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: masks.append(model.segment(picture[0]).probability)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1 and len(masks) == 8
    assert all(np.array_equal(mask, masks[0]) for mask in masks)


def test_a_folder_of_weights_is_served_as_their_mean_and_named_with_both(tmp_path, picture):
    files = [write_weights(tmp_path / "w" / f"{seed}.pt", seed=seed) for seed in (0, 1)]
    each = [served_model(tmp_path / file.stem, file).segment(picture[0]).probability for file in files]
    task = MassInferTask(served_model(tmp_path, tmp_path / "w"))
    file, params = run(task, picture[0])
    file.unlink()
    assert np.allclose(task.model.segment(picture[0]).probability, (each[0] + each[1]) / 2, atol=1e-6)
    hashes = "+".join(map(hash_file, files))
    assert params["weights_sha256"] == task.info()["weights_sha256"] == hashes
    assert (params["weights_file"], task.info()["weights"]) == ("0.pt+1.pt", 0)


def test_a_command_that_names_the_weights_names_no_path_of_the_server(tmp_path, picture, monkeypatch):
    model = served_model(tmp_path, write_weights(tmp_path / "w.pt"))
    monkeypatch.setattr(serving, "load_predictor", lambda name, *, weights, **_: find_int8(weights))
    with pytest.raises(ModelNotReadyError, match="mammoseg quantise BUNDLE --weights the file ") as said:
        model.segment(picture[0])
    assert str(tmp_path) not in str(said.value)


def test_another_engine_draws_the_same_and_torch_stays_for_who_looks_inside(tmp_path, picture):
    weights = write_weights(tmp_path / "w.pt")
    by_torch = served_model(tmp_path / "a", weights)
    by_openvino = served_model(tmp_path / "b", weights, runtime="openvino", precision="f32")
    expected, found = (model.segment(picture[0]) for model in (by_torch, by_openvino))
    assert np.allclose(found.probability, expected.probability, atol=1e-4) and found.mask.any()
    assert found.algorithm.engine.startswith("openvino ") and found.algorithm.precision == "f32"
    assert expected.algorithm.engine.startswith("torch ")
    inside = by_openvino.load_torch_predictor()
    assert isinstance(inside.engine, TorchEngine) and inside is by_openvino.load_torch_predictor()
    assert inside.weights_sha256 == by_openvino.load_predictor().weights_sha256
    assert by_torch.load_torch_predictor() is by_torch.load_predictor()


def test_a_precision_that_the_engine_lacks_is_said(tmp_path, picture):
    model = served_model(tmp_path, write_weights(tmp_path / "w.pt"), precision="int8")
    with pytest.raises(ModelNotReadyError, match="version 0 of model 'unet' cannot be loaded: precision is 'int8'"):
        model.segment(picture[0])


@pytest.mark.parametrize("asked", [None, True, False])
def test_flips_are_those_of_the_server_and_else_as_recorded(asked, tmp_path):
    model = served_model(tmp_path, write_weights(tmp_path / "w.pt", flips=True), flips=asked)
    assert model.load_predictor().algorithm.flips == (None if asked is False else "up-down")


def test_the_least_area_of_the_server_goes_before_that_of_the_weights(dicom, tmp_path, monkeypatch):
    mask = np.zeros((64, 48), bool)
    mask[10:14, 20:30] = True  # 0.196 mm2
    weights = write_weights(tmp_path / "w.pt", min_area_mm2=0.3)
    for asked, found in ((None, 0), (0.1, 1), (0.0, 1), (0.2, 0)):
        task = MassInferTask(served_model(tmp_path, weights, min_area_mm2=asked))
        answer(task, mask, monkeypatch)
        segmented = task.model.segment(dicom)
        assert len(segmented.lesions) == found
        assert segmented.algorithm.min_area_mm2 == (0.3 if asked is None else asked)


def test_a_promoted_version_answers_the_next_request(tmp_path, picture):
    model = served_model(tmp_path, write_weights(tmp_path / "w.pt"))
    before = model.segment(picture[0])
    model.versions.add(write_weights(tmp_path / "new.pt", seed=1), {}, promote=True, reason="test")
    after = model.segment(picture[0])
    assert (before.version, after.version) == (0, 1)
    assert not np.array_equal(before.probability, after.probability)
    model.versions.roll_back()
    assert np.array_equal(model.segment(picture[0]).probability, before.probability)


def test_info_says_whether_there_are_weights(tmp_path, task):
    none = MassInferTask(served_model(tmp_path / "other", None), preload=True)
    assert not none.is_valid() and none.info()["weights"] is None
    assert task.is_valid() and task.info()["weights"] == 0 and task.info()["labels"] == {"mass": 1}
    with pytest.raises(ModelNotReadyError):
        run(none, "x.png")


def test_preload_loads_at_the_start_and_survives_weights_that_cannot_be_loaded(tmp_path, caplog):
    good = MassInferTask(served_model(tmp_path, write_weights(tmp_path / "w.pt")), preload=True)
    assert good.model._loaded is not None
    (tmp_path / "broken.pt").write_bytes(b"no weights")
    broken = MassInferTask(served_model(tmp_path / "other", tmp_path / "broken.pt"), preload=True)
    assert "version 0 of model 'unet' cannot be loaded" in caplog.text
    with pytest.raises(ModelNotReadyError):
        run(broken, write_picture(tmp_path / "i.png")[0])
