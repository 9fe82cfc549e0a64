"""Which bundles become models, with which weights, and what is refused before it could answer."""

import json

import pytest
import torch

from mammoseg.bundles import list_bundle_names
from mammoseg.checkpoints.shipping import ship
from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.deploy.manifest import ManifestError
from mammoseg.errors import WrongCallError
from mammoseg.files import hash_file
from monailabel_app.lib.models.discover import ModelNotReadyError, discover
from tests.label.tiny_models import served_model, write_picture, write_weights


def test_every_bundle_that_segments_masses_is_a_model():
    found = discover({})
    assert set(list_bundle_names()) - set(found) == {"click_unet", "se_fusion_bit", "smp_unet_bit"}


def test_a_bundle_of_21_classes_is_refused_with_the_reason():
    with pytest.raises(WrongCallError, match="'se_fusion_bit' cannot be a model; its network gives 21 classes"):
        discover({"models": "se_fusion_bit"})


def test_a_bundle_that_needs_prompts_is_no_model_of_whole_films():
    with pytest.raises(WrongCallError, match="'click_unet' cannot be a model; its network needs prompts"):
        discover({"models": "click_unet"})


def test_models_narrows_the_list():
    assert list(discover({"models": "unet, aunet"})) == ["unet", "aunet"]


def test_an_unknown_model_is_refused():
    with pytest.raises(WrongCallError, match="'nonet' cannot be a model; known: "):
        discover({"models": "nonet"})


def test_named_weights_are_taken(tmp_path):
    path = write_weights(tmp_path / "w.pt")
    assert discover({"weights": f"unet={path}"})["unet"].weights == path


def test_weights_for_a_model_that_is_left_out_are_refused(tmp_path):
    path = write_weights(tmp_path / "w.pt")
    with pytest.raises(WrongCallError, match="weights are given for 'unet', which models leaves out; add it to models"):
        discover({"models": "aunet", "weights": f"unet={path}"})


def test_a_folder_of_weights_is_taken_for_their_mean_and_one_without_is_refused(tmp_path):
    write_weights(tmp_path / "w" / "a.pt")
    assert discover({"weights": f"unet={tmp_path / 'w'}"})["unet"].weights == tmp_path / "w"
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="there are no weights in the folder"):
        discover({"weights": f"unet={tmp_path / 'empty'}"})


def test_weights_that_a_bundle_came_with_serve_until_it_is_trained(tmp_path, monkeypatch):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "metadata.json").write_text(json.dumps({"name": "U-Net", "version": "1.0"}))
    for folder in ("locate_bundle", "locate_runs"):
        monkeypatch.setattr(f"monailabel_app.lib.models.discover.{folder}", lambda name: str(tmp_path))
    monkeypatch.setattr("monailabel_app.lib.models.discover.say_why_no_masses", lambda name: None)
    checkpoint = write_weights(tmp_path / "w.pt")
    shipped = ship(checkpoint, bundle="unet", threshold=0.35, folder=tmp_path / "models")
    assert discover({"models": "unet"})["unet"].weights == shipped
    trained = write_weights(tmp_path / "models" / "model.pt")
    assert discover({"models": "unet"})["unet"].weights == trained


def test_an_exported_bundle_brings_its_own_weights(tmp_path):
    folder = write_export(tmp_path / "unet")
    assert discover({"bundles": str(folder)})["unet"].weights == folder / "models" / "model.pt"


def test_a_changed_export_is_refused(tmp_path):
    folder = write_export(tmp_path / "unet")
    write_weights(folder / "models" / "model.pt", seed=1)
    with pytest.raises(ManifestError, match=r"is not as it was exported: models/model\.pt differs"):
        discover({"bundles": str(folder)})


def test_a_folder_that_is_no_export_is_refused(tmp_path):
    with pytest.raises(WrongCallError, match="is no exported bundle"):
        discover({"bundles": str(tmp_path)})


def test_a_model_without_weights_says_so_on_use(tmp_path):
    with pytest.raises(ModelNotReadyError, match="model 'unet' has no weights yet; train it"):
        served_model(tmp_path, None).load_predictor()


def test_weights_of_another_architecture_are_refused(tmp_path):
    path = write_weights(tmp_path / "w.pt", network={"_target_": "mammoseg.networks.aunet.AUNet"})
    with pytest.raises(ModelNotReadyError, match="version 0 of model 'unet' cannot be loaded"):
        served_model(tmp_path, path).load_predictor()


def broken(change):
    """Model state of tiny weights after `change`."""

    def write(path):
        content = torch.load(write_weights(path), weights_only=True)
        change(content["model"])
        return write_weights(path, model=content["model"])

    return write


def torchscript(path):
    """An archive that holds code beside its tensors."""
    torch.jit.save(torch.jit.trace(torch.nn.ReLU(), torch.zeros(1)), path)
    return path


# PyTorch calls TorchScript deprecated, and remarks on an archive of it.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.torch.load. received a zip file")
@pytest.mark.parametrize(
    "write",
    [
        torchscript,
        broken(lambda model: model.update({next(iter(model)): torch.zeros(1)})),
        broken(lambda model: next(iter(model.values())).fill_(float("nan"))),
        broken(lambda model: model.pop(next(iter(model)))),
        lambda path: write_weights(path, network={"_target_": "mammoseg.networks.unet.UNet", "width": 3}),
        lambda path: write_weights(path, preprocessing={"spatial_size": "all"}),
    ],
    ids=["TorchScript", "shape", "NaN", "missing key", "unknown argument", "no size"],
)
def test_broken_weights_are_refused_before_the_first_inference(tmp_path, write):
    path = write(tmp_path / "secret-place.pt")
    with pytest.raises(ModelNotReadyError, match="version 0 of model 'unet'") as caught:
        served_model(tmp_path, path).segment(write_picture(tmp_path / "i.png")[0])
    assert "secret-place" not in str(caught.value), "a client learns nothing of the server's files"


def test_weights_that_differ_from_their_record_are_refused(tmp_path):
    model = served_model(tmp_path, write_weights(tmp_path / "w.pt"))
    version = model.versions.add(tmp_path / "w.pt", {}, promote=True, reason="test")
    write_weights(version.weights, seed=1)
    with pytest.raises(ModelNotReadyError, match="weights of version 1 have changed since; roll back"):
        model.load_predictor()
    model.versions.roll_back()
    assert model.load_predictor().weights_sha256 == hash_file(tmp_path / "w.pt")


def write_export(folder):
    """What the app reads of an exported bundle."""
    write_weights(folder / "models" / "model.pt")
    files = {"models/model.pt": hash_file(folder / "models" / "model.pt")}
    (folder / "manifest.json").write_text(json.dumps({"name": "unet", "files": files}))
    return folder
