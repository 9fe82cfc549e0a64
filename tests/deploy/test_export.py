"""An exported bundle: complete, without the repository, and of the weights that it was made from."""

import json
import re
import zipfile

import pytest
import torch
from monai.bundle import ConfigParser

from mammoseg.audit.audit import find_faults
from mammoseg.bundles import list_bundle_names
from mammoseg.checkpoints.checkpoint import read_weights
from mammoseg.checkpoints.shipping import ship
from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.data.sources import SOURCES
from mammoseg.deploy import export as module
from mammoseg.deploy.export import export
from mammoseg.deploy.manifest import check_manifest
from mammoseg.errors import WrongCallError
from mammoseg.files import hash_file
from mammoseg.provenance import PACKAGE_FOLDER, PHANTOM_WARNING
from tests.deploy.made_weights import exported, narrow_network, write_weights


def config(folder, name: str) -> dict:
    return ConfigParser.load_config_file(folder / "configs" / f"{name}.json")


@pytest.mark.parametrize("name", list_bundle_names())
def test_every_bundle_is_exported_as_its_weights_record(name, tmp_path):
    folder = exported(name, tmp_path)
    recorded = read_weights(tmp_path / "weights.pt")
    for part in ("train", "inference"):
        parser = ConfigParser(config(folder, part))
        parser["bundle_root"], parser["encoder_weights"] = str(folder), None
        with torch.device("meta"):
            assert parser.get_parsed_content("network_def").config == recorded.network
        assert parser.get_parsed_content("preprocessing").settings == recorded.preprocessing
    check_manifest(folder)
    assert list(find_faults(folder)) == [], "an audit finds nothing against our own"


def test_export_holds_what_a_bundle_needs(tmp_path):
    folder = exported("unet", tmp_path)
    needed = (
        "LICENSE docs/README.md configs/metadata.json configs/train.json configs/evaluate.json configs/inference.json "
    )
    needed += "configs/logging.conf models/model.pt mammoseg/networks/unet.py mammoseg/data/datalist.schema.json "
    needed += "requirements.lock manifest.json"
    assert [name for name in needed.split() if not (folder / name).is_file()] == []
    assert not list(folder.rglob("__pycache__"))
    assert not (folder / "mammoseg" / "benchmark").exists()


def test_nothing_that_travels_imports_the_benchmark():
    sources = [path for path in PACKAGE_FOLDER.rglob("*.py") if path.parent.name != "benchmark"]
    imports = re.compile(r"\b(from|import) mammoseg(\.benchmark| import benchmark)")
    assert [path for path in sources if imports.search(path.read_text(encoding="utf-8"))] == []


def test_card_and_list_describe_the_network_of_the_weights(tmp_path):
    folder = exported("unet", tmp_path)
    parameters = sum(parameter.numel() for parameter in narrow_network("unet").parameters())
    facts = json.loads((folder / "docs" / "facts.json").read_text())
    assert facts["parameters"] == parameters and facts["input"] == [3, 32, 32]
    assert f"| parameters | {parameters:,} |" in (folder / "docs" / "README.md").read_text()


def test_weights_of_phantoms_say_so_when_they_are_given_away(tmp_path, capsys):
    folder = exported("unet", tmp_path)
    card = (folder / "docs" / "README.md").read_text()
    assert PHANTOM_WARNING in capsys.readouterr().err
    assert PHANTOM_WARNING in card and f"- Images: {SOURCES['phantom'].license}; changed: " in card


def test_weights_that_ship_become_the_checkpoint_that_monai_label_reads(tmp_path):
    shipped = ship(write_weights("unet", tmp_path / "weights.pt"), bundle="unet", threshold=0.35, folder=tmp_path)
    folder = export("unet", weights=shipped, output=tmp_path / "export")
    path = folder / "models" / "model.pt"
    travelled, came = read_weights(path), read_weights(shipped)
    loaded = torch.load(path, weights_only=True)["model"]
    assert loaded.keys() == came.model.keys()
    assert all(torch.equal(loaded[key], value) for key, value in came.model.items())
    assert travelled.threshold == 0.35 and travelled.provenance["shipped_sha256"] == came.sha256
    check_manifest(folder)


def test_links_of_the_card_lead_to_files_of_the_export(tmp_path):
    folder = exported("unet", tmp_path)
    card = (folder / "docs" / "README.md").read_text()
    links = re.findall(r"\]\((.+?)\)", card)
    assert "../mammoseg/networks/unet.py" in links and all((folder / "docs" / link).is_file() for link in links)
    assert "comes without weights" not in card


def test_an_export_is_not_exported_again(tmp_path, monkeypatch):
    folder = exported("unet", tmp_path)
    monkeypatch.setattr(module, "PACKAGE_FOLDER", folder / "mammoseg")
    with pytest.raises(WrongCallError, match="is an exported bundle; export from the repository"):
        export("unet", weights=tmp_path / "weights.pt", output=tmp_path / "again")


def test_no_config_names_the_repository(tmp_path):
    folder = exported("unet", tmp_path)
    texts = [path.read_text() for path in (folder / "configs").iterdir()]
    assert not any(str(module.PACKAGE_FOLDER.parent) in text or "mammoseg.bundles" in text for text in texts)


def test_requirements_are_what_the_metadata_lists(tmp_path):
    folder = exported("unet", tmp_path)
    metadata = config(folder, "metadata")
    lines = (folder / "requirements.lock").read_text().split()
    assert {"monai==1.6.1", "torch==2.13.0", "numpy==1.26.4"} <= set(lines)
    assert len(lines) == 3 + len(metadata["required_packages_version"])


def test_the_zip_holds_the_same_files(tmp_path):
    folder = exported("unet", tmp_path)
    with zipfile.ZipFile(folder.parent / "unet.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
        assert len(archive.namelist()) == len(json.loads((folder / "manifest.json").read_text())["files"]) + 1
    check_manifest(tmp_path / "unpacked" / "unet")


def test_the_same_weights_give_the_same_zip(tmp_path):
    weights = write_weights("unet", tmp_path / "weights.pt")
    zips = [export("unet", weights=weights, output=tmp_path / place).with_suffix(".zip") for place in ("a", "b")]
    assert hash_file(zips[0]) == hash_file(zips[1])


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    weights = write_weights("unet", tmp_path / "weights.pt")
    monkeypatch.setattr(module, "write_zip", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        export("unet", weights=weights, output=tmp_path / "export")
    assert list(tmp_path.iterdir()) == [weights]


def test_a_folder_that_holds_something_is_refused(tmp_path):
    with pytest.raises(WrongCallError, match="exists and is not empty; name a new folder"):
        export("unet", weights=write_weights("unet", tmp_path / "weights.pt"), output=tmp_path)


def test_weights_of_another_architecture_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="holds AUNet, bundle 'unet' is UNet"):
        export("unet", weights=write_weights("aunet", tmp_path / "weights.pt"), output=tmp_path / "export")


def test_weights_with_another_number_of_classes_are_refused(tmp_path):
    weights = write_weights("unet", tmp_path / "weights.pt")
    content = torch.load(weights, weights_only=True)
    content["network"]["out_channels"] = 3
    torch.save(content, weights)
    with pytest.raises(WeightsError, match="has 3 output channels, bundle 'unet' describes 2"):
        export("unet", weights=weights, output=tmp_path / "export")
