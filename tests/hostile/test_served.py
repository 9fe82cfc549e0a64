"""What comes over the network or out of the files around a checkpoint has no power of MONAI's configs either."""

import json
from pathlib import Path

import pytest

from mammoseg.bundles import read_exported_name
from mammoseg.checkpoints.checkpoint import read_weights
from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.deploy.configs import write_configs
from mammoseg.deploy.manifest import ManifestError, check_manifest
from mammoseg.errors import InputRefusedError, MammosegError, WrongCallError
from monailabel_app.lib.models.discover import discover
from monailabel_app.lib.models.job_files import LabelSet
from monailabel_app.lib.models.train import MassTrainTask
from monailabel_app.lib.models.versions import Versions
from tests.hostile.bad_checkpoints import CALL, ESCAPES, saved, sound_content
from tests.label.tiny_models import served_model, write_weights

BUNDLES = Path(__file__).parents[2] / "bundles"
DEEP = pytest.param("[" * 10**5, id="100,000 lists")
HOSTILE_TEXTS = (CALL, "@network", "%train.json::loss", ESCAPES)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
@pytest.mark.parametrize(
    "name", ["max_epochs", "batch_size", "lr", "recipe", "tolerance", "min_held_out", "from_scratch", CALL]
)
def test_a_parameter_of_a_training_becomes_no_text_of_a_config(tmp_path, name, text):
    task = MassTrainTask(served_model(tmp_path, write_weights(tmp_path / "w.pt")), tmp_path)
    labels = LabelSet({"training": ["a", "b", "c", "d"]}, "digest")
    try:
        job = task._build_job(tmp_path, task._collect_options({name: text}), labels)
    except (InputRefusedError, WrongCallError):
        assert name in task.config()
    else:
        assert text not in json.dumps([job.overrides, job.recipe])
        assert name in ("from_scratch", CALL)


@pytest.mark.parametrize("source", [CALL, "@_meta_::version", "%train.json::loss", "a b", ESCAPES])
def test_a_source_that_is_no_word_is_not_written_into_the_configs_of_an_export(tmp_path, source):
    (tmp_path / "w.pt").write_bytes(saved(sound_content() | {"provenance": {"source": source}}))
    configs = write_configs(BUNDLES / "unet", tmp_path / "unet", read_weights(tmp_path / "w.pt"))
    assert configs["metadata"]["data_source"] == "unknown"


def test_configs_of_an_export_call_what_the_bundle_calls_with_the_record_as_values(tmp_path):
    (tmp_path / "w.pt").write_bytes(saved(sound_content()))
    configs = write_configs(BUNDLES / "unet", tmp_path / "unet", read_weights(tmp_path / "w.pt"))
    unsaid = {"encoder_unit": "basic", "decoder_unit": "basic", "up": "bilinear"}
    original = json.loads((BUNDLES / "unet" / "configs" / "train.json").read_text())["network_def"]
    assert configs["train"]["network_def"] == original | unsaid | {"channels": [2, 4]}
    assert configs["train"]["spatial_size"] == [16, 16]


@pytest.mark.parametrize(
    "content", ["[", "[]", "{}", '{"name": []}', '{"name": "\\u001b[2J"}', '{"name": "../unet"}', DEEP]
)
def test_a_folder_with_a_hostile_manifest_is_no_export(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(MammosegError) as caught:
        discover({"bundles": str(tmp_path)})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("files", [None, 5, [], "abc", [1, 2], {"a\x1b[2J": "0"}])
def test_a_manifest_whose_files_are_none_is_one_printable_sentence(tmp_path, files):
    (tmp_path / "manifest.json").write_text(json.dumps({"name": "unet", "files": files}))
    assert read_exported_name(tmp_path) == "unet"
    if files == []:
        return check_manifest(tmp_path)
    with pytest.raises(ManifestError) as caught:
        check_manifest(tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "content", ["[]", "5", "{}", '{"current": "../../w", "events": []}', '{"current": 1.5, "events": []}', DEEP]
)
def test_a_state_of_versions_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "current.json").write_text(content)
    with pytest.raises(WeightsError, match=r"current\.json of a model's versions is damaged"):
        Versions(tmp_path, tmp_path / "w.pt").read_current()


@pytest.mark.parametrize("content", ["[]", "{}", '{"sha256": 5}'])
def test_a_record_of_a_version_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "record.json").write_text(content)
    with pytest.raises(WeightsError, match=r"record\.json of a model's versions is damaged"):
        Versions(tmp_path).get(1)
