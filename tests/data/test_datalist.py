"""The datalist: what is written is read back, and whatever a stranger's holds is refused by name."""

import json
import math
from pathlib import Path

import pytest
from monai.data import list_data_collate

from mammoseg.data.datalist import DatalistError, load_section, read_datalist, write_datalist
from mammoseg.errors import WrongCallError


def record(number: int, **facts):
    base = {"image_id": f"i{number}", "image": f"images/{number}.png", "label": f"../masks/{number}.png"}
    base |= {"patient_id": f"p{number}", "laterality": "L", "view": "CC", "fold": 0, "has_mass": True}
    return base | facts


@pytest.fixture
def sections():
    return {
        "training": [record(1, fold=0), record(2, fold=1)],
        "validation": [record(3, fold=1)],
        "test": [record(4, fold=None)],
    }


@pytest.fixture
def write(tmp_path, sections):
    def _write() -> Path:
        path = tmp_path / "set" / "datalist.json"
        write_datalist(path, name="n", source="folder", seed=3, license=None, sections=sections)
        return path

    return _write


def test_what_is_written_is_read_back(write, sections):
    datalist = read_datalist(write())
    assert {key: datalist[key] for key in sections} == sections
    assert (datalist["schema_version"], datalist["seed"], datalist["license"]) == (1, 3, None)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"laterality": "LEFT"}, r"training\[1\]\.laterality: 'LEFT' is not one of \['L', 'R', None\]"),
        ({"image": "/tmp/1.png"}, r"training\[1\]\.image: '/tmp/1\.png' does not match"),
        ({"fold": None}, r"training\[1\]\.fold: None is not of type 'integer'"),
        ({"colour": "red"}, r"training\[1\]: .*'colour' was unexpected"),
        ({"pixel_spacing_mm": [0.07, 0.07]}, r"training\[1\]: 'pixel_spacing_source' is a dependency"),
        ({"pathology": "malignant"}, r"training\[1\]\.pathology: 'malignant' is not one of"),
        ({"image_id": "i1"}, r"training\[1\]\.image_id: is also that of training\[0\]"),
        ({"patient_id": "p4"}, r"test\[0\]\.patient_id: this patient is also in training"),
    ],
)
def test_a_breach_is_refused_with_file_place_and_rule(write, sections, facts, message):
    sections["training"][1] |= facts
    with pytest.raises(DatalistError, match=r"datalist\.json: " + message):
        write()


def test_a_refused_datalist_leaves_the_old_file_alone(write, sections):
    path = write()
    before = path.read_bytes()
    sections["test"][0]["fold"] = 1
    with pytest.raises(DatalistError, match=r"test\[0\]\.fold"):
        write()
    assert path.read_bytes() == before


def test_a_missing_key_is_named_when_reading(write):
    path = write()
    content = json.loads(path.read_text())
    del content["test"][0]["label"]
    path.write_text(json.dumps(content))
    with pytest.raises(DatalistError, match=r"test\[0\]: 'label' is a required property"):
        read_datalist(path)


def test_a_file_that_is_not_json_is_named(tmp_path):
    path = tmp_path / "datalist.json"
    path.write_text("{")
    with pytest.raises(DatalistError, match=r"datalist\.json: not JSON"):
        read_datalist(path)


def test_paths_become_absolute_strings(write, tmp_path):
    item = load_section(write(), "test")[0]
    assert item["image"] == str(tmp_path / "set" / "images" / "4.png")
    assert item["label"] == str(tmp_path / "masks" / "4.png")


def test_items_of_a_section_have_the_same_keys(write, sections):
    sections["training"][0] |= {"birads": 4, "density": 2, "shape": "OVAL", "instances": ["a.png", "b.png"]}
    sections["training"][1] |= {"density": 3, "view": None, "instances": ["c.png"]}
    known, unknown = load_section(write(), "training")
    assert known.keys() == unknown.keys()
    assert (unknown["view"], unknown["shape"], unknown["density"]) == ("", "", 3)
    collated = list_data_collate([known, unknown])
    assert collated["birads"].isnan().tolist() == [False, True] and len(collated["instances"]) == 2


def test_a_fold_is_the_validation_of_its_cross_validation(write):
    path = write()
    assert [item["image_id"] for item in load_section(path, "validation", fold=1)] == ["i2", "i3"]
    assert [item["image_id"] for item in load_section(path, "training", fold=1)] == ["i1"]
    assert [item["image_id"] for item in load_section(path, "test", fold=1)] == ["i4"]


def test_an_unknown_section_or_fold_names_the_known_ones(write):
    path = write()
    with pytest.raises(WrongCallError, match="unknown section 'val'; known: training, validation, test"):
        load_section(path, "val")
    with pytest.raises(WrongCallError, match="unknown fold 7; known: 0, 1"):
        load_section(path, "training", fold=7)


def test_json_nested_without_end_is_refused(tmp_path):
    (tmp_path / "datalist.json").write_text("[" * 100_000)
    with pytest.raises(DatalistError, match=r"datalist\.json: not JSON"):
        read_datalist(tmp_path / "datalist.json")


@pytest.mark.parametrize(
    ("section", "way_out"),
    [
        ("training", "nothing can be trained with it; ingest again with shares"),
        (
            "validation",
            r"nothing chooses the weights; name the fold that does \(--fold 0\), .*--validation_section test",
        ),
        ("test", "nothing was held out; .*--validation_section validation"),
    ],
)
def test_an_empty_section_is_refused_with_a_way_out(write, sections, section, way_out):
    sections[section] = []
    with pytest.raises(WrongCallError, match=rf"datalist\.json has no {section} image, so {way_out}"):
        load_section(write(), section)


def test_a_fold_validates_where_the_validation_section_is_empty(write, sections):
    sections["validation"] = []
    path = write()
    assert [record["image_id"] for record in load_section(path, "validation", fold=1)] == ["i2"]
    assert [record["image_id"] for record in load_section(path, "training", fold=1)] == ["i1"]


def test_a_set_for_testing_only_has_no_fold(write, sections):
    sections["training"] = sections["validation"] = []
    with pytest.raises(WrongCallError, match="has no training image"):
        load_section(write(), "training", fold=0)


def test_only_a_datalist_that_was_split_by_image_may_divide_a_patient(tmp_path, sections):
    sections["training"][1]["patient_id"] = "p4"  # of the test image
    path = tmp_path / "datalist.json"
    write_datalist(
        path,
        name="n",
        source="folder",
        seed=3,
        license=None,
        sections=sections,
        split={"by": "image", "shares": [2, 1, 1]},
    )
    assert read_datalist(path)["split"] == {"by": "image", "shares": [2, 1, 1]}
    with pytest.raises(DatalistError, match=r"split\.by: 'breast' is not one of"):
        write_datalist(path, name="n", source="folder", seed=3, license=None, sections=sections, split={"by": "breast"})


def test_an_unknown_grade_is_nan_and_instances_are_one_text_with_absolute_paths(write, sections, tmp_path):
    sections["training"] = [
        record(1, fold=0, birads=0, vendor="Maker", instances=["masks/1_1.png", "masks/1_2.png"]),
        record(2, fold=1, subtlety=4),
    ]
    first, second = load_section(write(), "training")

    assert (first["birads"], first["vendor"], second["vendor"]) == (0, "Maker", "")
    assert math.isnan(first["subtlety"]) and math.isnan(second["birads"]) and second["subtlety"] == 4
    assert json.loads(first["instances"]) == [str(tmp_path / "set" / "masks" / f"1_{number}.png") for number in (1, 2)]
    assert second["instances"] == ""
