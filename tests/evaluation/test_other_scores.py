"""The scores of one network are not written over by those of another."""

import shutil

import pytest

from mammoseg.checkpoints.checkpoint import read_checkpoint, save_checkpoint
from mammoseg.csv_table import read_csv
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.other_scores import is_log_of
from mammoseg.evaluation.run_report import report
from mammoseg.evaluation.tables import read_provenance
from mammoseg.training.workflow import evaluate, train
from tests.tiny_run import evaluated_run, tiny_overrides


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return evaluated_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def copied(run, tmp_path):
    """The run, once more."""
    return shutil.copytree(run, tmp_path / "run")


def write_others(run, path, **provenance):
    """Weights of another file, and of another run where their provenance says so."""
    content = read_checkpoint(run / "models" / "model.pt")
    save_checkpoint(path, content | {"threshold": 0.3, "provenance": content["provenance"] | provenance})
    return path


def score(run, weights, output, **options):
    evaluate("unet", dataset_dir=str(run / "data"), weights=str(weights), output_dir=str(output), **options)
    return read_provenance(output)


def test_scores_of_other_weights_are_refused_and_stay(run, tmp_path):
    scored = score(run, run / "models" / "model.pt", tmp_path / "scored", device="cpu")
    other = write_others(run, tmp_path / "other.pt")
    said = f"has the scores of other weights .SHA-256 {scored['weights_sha256'][:12]} there, .* here.; name another --o"
    with pytest.raises(WrongCallError, match=said):
        score(run, other, tmp_path / "scored", device="cpu")
    assert read_provenance(tmp_path / "scored") == scored


def test_the_same_weights_are_scored_again_and_on_another_section(run, tmp_path):
    weights = run / "models" / "model.pt"
    for section in ("test", "test", "validation"):
        told = score(run, weights, tmp_path, validation_section=section, device="cpu")
        assert told["section"] == section


def test_scores_do_not_come_beside_the_training_log_of_another_run(copied, tmp_path):
    (copied / "eval" / "summary.json").unlink()
    other = write_others(copied, tmp_path / "other.pt", validation={"epoch": 1, "val_mean_dice": 0.123})
    with pytest.raises(WrongCallError, match="metrics.csv is the training log of another run than the weights are of"):
        score(copied, other, copied / "eval", device="cpu")
    assert not (copied / "eval" / "summary.json").exists()


def test_a_run_that_was_trained_on_has_its_earlier_scores_and_page_replaced(copied):
    page, weights = copied / "page", copied / "models" / "model.pt"
    report(copied / "eval", dataset_dir=copied / "data", weights=weights, output=page)
    earlier = read_provenance(copied / "eval")
    train("unet", **tiny_overrides(copied / "data", copied, max_epochs=3))
    *_, last = read_csv(copied / "eval" / "metrics.csv")[1]
    validation = {"epoch": 3, "val_mean_dice": float(last["val_mean_dice"])}
    write_others(copied, weights, validation=validation)  # as if the last epoch had been the best
    told = score(copied, weights, copied / "eval", device="cpu")
    report(copied / "eval", dataset_dir=copied / "data", weights=weights, output=page)
    assert told["weights_sha256"] != earlier["weights_sha256"] and read_provenance(page) == told
    assert len(read_csv(page / "metrics.csv")[1]) == 3


def test_the_page_of_other_weights_is_refused(run, tmp_path):
    report(run / "eval", dataset_dir=run / "data", weights=run / "models" / "model.pt", output=tmp_path / "page")
    other = write_others(run, tmp_path / "other.pt")
    score(run, other, tmp_path / "scored", device="cpu")
    with pytest.raises(WrongCallError, match="page has the scores of other weights .*; name another --output,"):
        report(tmp_path / "scored", dataset_dir=run / "data", weights=other, output=tmp_path / "page")


@pytest.mark.parametrize(
    ("log", "known"),
    [
        ("epoch,train_loss,val_mean_iou,lr\n1,4,0.5,0.1\n2,4,0.25,0.1\n", True),
        ("epoch,train_loss,val_mean_iou,lr\n1,4,0.5,0.1\n2,4,,0.1\n", False),
        ("epoch,val_mean_iou\nx,y\n", None),
        ("", False),
    ],
)
def test_a_training_log_is_known_by_whatever_it_was_judged_by(log, known, tmp_path):
    (tmp_path / "metrics.csv").write_text(log)
    assert is_log_of(tmp_path, {"epoch": 2, "val_mean_iou": 0.25}) is known
