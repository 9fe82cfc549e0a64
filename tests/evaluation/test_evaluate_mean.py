"""The mean of several weights, scored as one network is."""

import json
from pathlib import Path

import pytest

from mammoseg.errors import WrongCallError
from mammoseg.evaluation.tables import read_per_image
from mammoseg.files import hash_file
from mammoseg.training.workflow import evaluate
from tests.label.bright_model import write_bright_weights
from tests.tiny_run import write_tiny_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data, and weights that call what is brighter than 0.7 and 0.3 of the range mass: only the first are right."""
    folder = tmp_path_factory.mktemp("mean")
    write_tiny_dataset(folder / "data")
    for name, grey in (("right", 0.7), ("wrong", 0.3)):
        write_bright_weights(folder / "weights" / f"{name}.pt", spatial_size=(64, 48), grey=grey)
    return folder


def scores_of(folder, weights, name, **options):
    evaluate("unet", dataset_dir=str(folder / "data"), weights=weights, output_dir=str(folder / name), **options)
    rows = [row for row in read_per_image(folder / name / "per_image.csv") if row["grid"] == "original"]
    return [row["dice"] for row in rows]


def test_one_network_has_the_same_scores_alone_and_as_a_mean_of_one(folder):
    one = folder / "weights" / "right.pt"
    alone = scores_of(folder, [str(one)], "alone", device="cpu")
    record = folder / "one" / "ensemble.json"
    record.parent.mkdir()
    (record.parent / "right.pt").write_bytes(one.read_bytes())
    record.write_text(json.dumps({"members": {"right.pt": hash_file(one)}, "threshold": 0.5}))
    assert scores_of(folder, str(record.parent), "as_mean", device="cpu") == pytest.approx(alone)


def test_the_mean_is_named_with_all_members_and_the_threshold_decides(folder):
    both = str(folder / "weights")
    low, high = (scores_of(folder, both, f"at-{t}", threshold=t, device="cpu") for t in (0.4, 0.6))
    assert max(low) < min(high), "at 0.4 one member is enough, at 0.6 both have to agree"
    said = json.loads((folder / "at-0.6" / "summary.json").read_text())["provenance"]
    assert said["weights_file"] == "right.pt+wrong.pt" and said["threshold"] == 0.6
    assert (folder / "at-0.6" / "froc.csv").is_file()
    assert (said["section"], said["flips"], said["min_area_mm2"]) == ("test", None, None)


def test_a_threshold_of_0_is_no_missing_one(folder):
    scores_of(folder, str(folder / "weights"), "at-0", threshold=0.0, device="cpu")
    assert json.loads((folder / "at-0" / "summary.json").read_text())["provenance"]["threshold"] == 0


def test_a_member_that_may_have_learned_from_the_images_is_named_a_doubt(folder, capsys):
    mean = folder / "doubtful"
    write_bright_weights(mean / "a.pt", spatial_size=(64, 48), grey=0.7)
    write_bright_weights(mean / "b.pt", spatial_size=(64, 48), grey=0.7, source="folder", datalist_sha256="cd")
    scores_of(folder, str(mean), "doubted", device="cpu")
    assert "WARNING: These weights learned from images of folder that this datalist" in capsys.readouterr().err
    scores_of(folder, str(folder / "weights"), "sure", device="cpu")
    assert "WARNING" not in capsys.readouterr().err


def test_a_mean_and_one_of_its_members_do_not_replace_each_others_scores(folder):
    both, one = str(folder / "weights"), str(folder / "weights" / "right.pt")
    for first, second in ((both, one), (one, both)):
        name = f"of-{Path(first).name}"
        scores_of(folder, first, name, device="cpu")
        with pytest.raises(WrongCallError, match="has the scores of other weights"):
            scores_of(folder, second, name, device="cpu")


def test_an_option_of_one_network_is_refused(folder):
    with pytest.raises(
        WrongCallError, match="the mean of several weights has no option --spatial_size; it has --output"
    ):
        scores_of(folder, str(folder / "weights"), "x", spatial_size=[32, 32])
