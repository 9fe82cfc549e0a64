"""The deterministic list, there and back, on made mammograms and on real ones."""

import io
import json
from inspect import signature
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, PersistentDataset, decollate_batch
from monai.transforms import Invertd
from monai.utils import TraceKeys

from mammoseg.data.mammogram import read_mammogram
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.mammogram import Mammogram
from mammoseg.transforms.pipelines import Preprocessing, build_film_preprocessing
from tests.made_dicom import write_mammogram

NETWORK = (64, 64)
POLICIES = {
    "stretch": {"aspect": "stretch"},
    "pad": {"aspect": "pad"},
    "no crops": {"crop_border": False, "crop_to_breast": False},
    "no flip, pad": {"orient_left": False, "aspect": "pad"},
    "tall grid": {"spatial_size": (96, 48), "aspect": "pad"},
    "wide grid": {"spatial_size": (48, 96), "aspect": "stretch"},
    "dark frame": {"crop_border": False, "crop_negligible": True, "crop_to_breast": False, "orient_left": False},
}
PATCH = {"patch_area": 1.21, "crop_border": False, "crop_to_breast": False, "remove_background": False}


def breast(rows, columns, *, side, seed=0, border=0):
    """Half an ellipse of 12-bit tissue at one edge, a film label in the far corner, a white border."""
    y, x = np.mgrid[:rows, :columns]
    inside = ((y - rows / 2) / (0.4 * rows)) ** 2 + (x / (0.7 * columns)) ** 2 < 1
    image = inside * (1200 + np.random.default_rng(seed).integers(0, 400, (rows, columns)))
    image[rows // 20 : rows // 10, columns * 7 // 8 : columns * 15 // 16] = 3500
    if border:
        image[:border] = image[-border:] = image[:, :border] = image[:, -border:] = 4000
    return (image if side == "L" else image[:, ::-1]).astype(np.uint16), inside if side == "L" else inside[:, ::-1]


def write(folder, image, mask=None, *, side="L"):
    item = {"image": write_mammogram(folder, image, ImageLaterality=side, ImagerPixelSpacing=None)}
    if mask is not None:
        item["label"] = folder / "mask.png"
        cv2.imwrite(str(item["label"]), mask.astype(np.uint8) * 255)
    return item


def build(**options):
    return build_film_preprocessing(**{"spatial_size": NETWORK, **options})


def inverted(pipeline, item, pred, *, nearest=True):
    invert = Invertd(keys="pred", transform=pipeline, orig_keys="image", nearest_interp=nearest)
    return invert({**item, "pred": MetaTensor(pred)})["pred"]


def test_the_tensor_has_the_promised_layout(tmp_path):
    image, inside = breast(200, 150, side="R")
    item = build(channels=3, clahe_clip_limit=2.0)(write(tmp_path, image, inside, side="R"))
    assert item["image"].shape == (3, *NETWORK)
    assert item["label"].shape == (1, *NETWORK)
    assert item["image"].dtype == item["label"].dtype == torch.float32
    assert (item["image"].min(), item["image"].max()) == (0, 1)
    assert item["label"].unique().tolist() == [0, 1]
    assert torch.equal(item["image"][0], item["image"][2])


def test_training_validation_and_inference_see_the_same_tensor(tmp_path):
    image, inside = breast(200, 150, side="R")
    files = write(tmp_path, image, inside, side="R")
    one = build(clahe_clip_limit=2.0)
    with_label = one(files)["image"]
    without_label = one({"image": files["image"]})["image"]
    already_read = one({"image": read_mammogram(files["image"])})["image"]
    another_object = build(clahe_clip_limit=2.0, keys=("image",))({"image": files["image"]})["image"]
    for other in (without_label, already_read, another_object):
        assert torch.equal(with_label, other)


def test_reading_beforehand_leaves_the_mammogram_untouched(tmp_path):
    image, _ = breast(200, 150, side="R", border=3)
    mammogram = read_mammogram(write(tmp_path, image, side="R")["image"])
    before = mammogram.pixels.copy()
    build(clahe_clip_limit=2.0)({"image": mammogram})
    np.testing.assert_array_equal(mammogram.pixels, before)


def test_the_settings_are_json_and_name_every_argument():
    pipeline = build(clahe_clip_limit=2.0)
    assert json.loads(json.dumps(pipeline.settings)) == pipeline.settings
    assert set(pipeline.settings) == set(signature(build_film_preprocessing).parameters)
    assert isinstance(pipeline, Preprocessing)


@pytest.mark.parametrize("wrong", [{"aspect": "squeeze"}, {"intensity": "log"}])
def test_an_unknown_policy_is_a_wrong_call(wrong):
    with pytest.raises(WrongCallError, match="unknown .*; known: "):
        build(**wrong)


def test_a_refused_file_is_refused_and_not_read_by_another_reader(tmp_path):
    path = write_mammogram(tmp_path, breast(100, 80, side="L")[0], Modality="CT")
    with pytest.raises(InputRefusedError, match="E_MODALITY"):
        build()({"image": path})


@pytest.mark.parametrize("options", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("shape", [(203, 151), (331, 240), (130, 190)])
def test_a_mask_at_network_size_survives_the_way_to_the_original_and_back(tmp_path, options, side, shape):
    image, inside = breast(*shape, side=side)
    pipeline = build(**options)
    files = write(tmp_path, image, side=side)
    item = pipeline(files)
    drawn = torch.zeros(1, *item["image"].shape[1:])
    height, width = drawn.shape[1:]
    drawn[0, height // 4 : height // 4 + 8, 2:7] = 1  # 40 pixels, some at the chest wall
    original = inverted(pipeline, item, drawn)
    assert original.shape == (1, *shape)
    cv2.imwrite(str(tmp_path / "mask.png"), original[0].numpy().astype(np.uint8))
    back = pipeline({**files, "label": tmp_path / "mask.png"})["label"]
    overlap = torch.logical_and(back > 0, drawn > 0).sum() / torch.logical_or(back > 0, drawn > 0).sum()
    assert overlap >= 0.98


@pytest.mark.parametrize("options", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("side", ["L", "R"])
def test_a_mark_lands_within_half_a_network_pixel(tmp_path, options, side):
    rows, columns = 413, 288
    image, inside = breast(rows, columns, side=side, border=3)
    row, column, radius = 205, 60 if side == "L" else columns - 61, 12
    y, x = np.mgrid[:rows, :columns]
    mark = (y - row) ** 2 + (x - column) ** 2 <= radius**2
    item = build(**options)(write(tmp_path, image, mark, side=side))
    expected = np.linalg.inv(item["label"].affine.numpy()) @ [row, column, 0, 1]
    found = np.argwhere(item["label"][0].numpy()).mean(axis=0)
    assert np.abs(found - expected[:2]).max() <= 0.5


@pytest.mark.parametrize("options", POLICIES.values(), ids=POLICIES)
def test_image_and_mask_take_the_same_geometry(tmp_path, options):
    image, _ = breast(300, 200, side="R", border=3)
    mark = np.zeros(image.shape, bool)
    mark[120:180, 120:160] = True
    image[mark] = 3900
    item = build(remove_background=False, **options)(write(tmp_path, image, mark, side="R"))
    bright = item["image"][0].numpy() > 0.85
    bright[:, -8:] = bright[:2] = False  # what is left of label and border
    rows, columns = np.nonzero(item["label"][0].numpy())
    found = bright[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].mean()
    assert found > 0.9


@pytest.mark.parametrize("seed", range(12))
def test_no_mass_pixel_is_lost_but_those_the_border_crop_names(tmp_path, seed):
    random = np.random.default_rng(seed)
    rows, columns = random.integers(150, 400, 2)
    side = str(random.choice(["L", "R"]))
    image, inside = breast(rows, columns, side=side, seed=seed, border=int(random.integers(0, 3)))
    row, column = random.permutation(np.argwhere(inside[8:-8, 8:-8]))[0] + 8
    y, x = np.mgrid[:rows, :columns]
    mass = inside & (np.hypot(y - row, x - column) < random.choice([6, 20, 1000]))
    pipeline = build(spatial_size=(int(rows), int(columns)))
    item = pipeline(write(tmp_path, image, mass, side=side))
    back = inverted(pipeline, item, item["label"])[0].numpy() > 0
    box = next(step for step in item["label"].applied_operations if step["class"] == "CropBorderd")["extra_info"][
        "plan"
    ]
    outside_border = np.ones(mass.shape, bool)
    outside_border[box["top"] : box["top"] + box["height"], box["left"] : box["left"] + box["width"]] = False
    assert np.array_equal(back, mass & ~outside_border)


def test_a_probability_comes_back_smooth_where_asked_for(tmp_path):
    image, _ = breast(300, 200, side="L")
    pipeline = build()
    item = pipeline(write(tmp_path, image))
    ramp = torch.linspace(0, 1, NETWORK[1]).expand(1, *NETWORK)
    assert len(inverted(pipeline, item, ramp, nearest=True).unique()) <= NETWORK[1] + 1
    assert len(inverted(pipeline, item, ramp, nearest=False).unique()) > 2 * NETWORK[1]


def test_the_way_back_works_after_collate_and_decollate(tmp_path):
    image, inside = breast(210, 155, side="R")
    files = write(tmp_path, image, inside, side="R")
    pipeline = build(aspect="pad")
    expected = inverted(pipeline, pipeline(files), pipeline(files)["label"])
    batch = next(iter(DataLoader(Dataset([files, files], pipeline), batch_size=2)))
    batch["pred"] = batch["label"].clone()
    for item in decollate_batch(batch):
        assert torch.equal(inverted(pipeline, item, item["pred"]), expected)


def test_the_way_back_works_after_a_cache_on_disk_with_a_new_pipeline(tmp_path):
    image, inside = breast(210, 155, side="R")
    files = {key: str(path) for key, path in write(tmp_path, image, inside, side="R").items()}
    expected = inverted(build(), build()(files), build()(files)["label"])
    for pipeline in (build(), build()):
        with torch.serialization.safe_globals([TraceKeys]):  # PersistentDataset itself writes TraceKeys.NONE as id
            item = PersistentDataset([files], pipeline, tmp_path / "cache", track_meta=True, weights_only=True)[0]
        assert torch.equal(inverted(pipeline, item, item["label"]), expected)


def test_the_result_survives_a_safe_load(tmp_path):
    image, inside = breast(210, 155, side="R")
    pipeline = build()
    item = pipeline(write(tmp_path, image, inside, side="R"))
    torch.save(item, tmp_path / "item.pt")
    loaded = torch.load(tmp_path / "item.pt", weights_only=True)
    assert torch.equal(loaded["image"], item["image"])
    assert torch.equal(inverted(build(), loaded, loaded["label"]), inverted(pipeline, item, item["label"]))


def test_two_pipelines_with_the_same_settings_write_the_same_bytes(tmp_path):
    files = write(tmp_path, breast(210, 155, side="R")[0], side="R")
    one, two = io.BytesIO(), io.BytesIO()
    torch.save(build()(files), one)
    torch.save(build()(files), two)
    assert one.getvalue() == two.getvalue()


def test_the_affine_of_the_result_carries_the_spacing(tmp_path):
    image, _ = breast(256, 192, side="L")
    path = write_mammogram(tmp_path, image, ImagerPixelSpacing=[0.1, 0.1])
    item = build(crop_border=False, crop_to_breast=False)({"image": path})
    np.testing.assert_allclose(item["image"].pixdim.numpy(), [0.4, 0.3])


def test_a_constant_image_gives_zeros_not_nan():
    constant = Mammogram(np.full((90, 70), 7, np.float32), None, None, None, None, None, (0, 255), Path("made.png"))
    item = build(clahe_clip_limit=2.0, intensity="zscore")({"image": constant})
    assert item["image"].unique().tolist() == [0]


def test_real_masses_are_all_kept_by_the_breast_crop(shared_data):
    pipeline = build(spatial_size=(256, 256), crop_border=False, keys=("image", "label"))
    images = sorted((shared_data / "cbis_ddsm" / "images").glob("*.png"))[::40]
    for path in images:
        mask = shared_data / "cbis_ddsm" / "masks" / path.name
        item = pipeline({"image": path, "label": mask})
        back = inverted(pipeline, item, item["label"])[0].numpy() > 0
        assert np.array_equal(back, cv2.imread(str(mask), cv2.IMREAD_UNCHANGED) > 0), path.name


def test_a_patch_is_the_box_of_the_mass_enlarged_and_nothing_lies_outside_of_it_on_the_way_back(tmp_path):
    image, _ = breast(200, 150, side="L")
    mass = np.zeros(image.shape, bool)
    mass[80:100, 40:80] = True  # 20 x 40; 22 x 44 have 1.21 times the area
    pipeline = build(spatial_size=(22, 44), **PATCH)
    item = pipeline(write(tmp_path, image, mass))
    np.testing.assert_array_equal(item["label"][0].numpy(), np.pad(np.ones((20, 40)), ((1, 1), (2, 2))))
    patch = image[79:101, 38:82].astype(float)
    np.testing.assert_allclose(item["image"][0].numpy(), (patch - patch.min()) / np.ptp(patch), atol=1e-6)
    back = inverted(pipeline, item, torch.ones(1, 22, 44))[0].numpy()
    assert back.sum() == back[79:101, 38:82].sum() == 22 * 44


def test_a_patch_without_a_mask_is_refused(tmp_path):
    image, _ = breast(200, 150, side="L")
    with pytest.raises(InputRefusedError, match="a patch lies around a mass that is known"):
        build(**PATCH)(write(tmp_path, image))
    with pytest.raises(InputRefusedError, match="its mask has no mass"):
        build(**PATCH)(write(tmp_path, image, np.zeros(image.shape, bool)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({**PATCH, "patch_area": 0.9}, "patch_area is 0.9; give a multiple of 1 to 16"),
        ({"patch_area": 1.2}, "a patch around a mass has no border, no breast and no background"),
    ],
)
def test_a_patch_that_makes_no_sense_is_refused(options, said):
    with pytest.raises(WrongCallError, match=said):
        build(**options)
