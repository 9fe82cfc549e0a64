"""A bundle and its weights as a folder that runs on a machine with nothing but the packages its metadata lists."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser
from monai.utils import ensure_tuple

from mammoseg.bundles import LOCKED_VERSIONS, bundle_root
from mammoseg.checkpoints import Weights, WeightsError, load_weights, read_weights
from mammoseg.deploy.formats import write_formats
from mammoseg.deploy.manifest import write_archive, write_manifest
from mammoseg.errors import WrongCallError
from mammoseg.files import write_json
from mammoseg.networks import Network
from mammoseg.provenance import PACKAGE_FOLDER

CONFIGS = ("train", "inference")
"""The complete configs; overlays name nothing that the weights decide."""

LABEL_SERVER = Path(__file__).with_name("label_server.json")
"""Added to inference.json: ``post_transforms``, which MONAI Label takes before ``postprocessing`` and runs ignore. It
gives the mask to the server instead of writing result files."""


def export(bundle: str, *, weights: Path | str, output: Path | str, formats: str | Sequence[str] = ()) -> Path:
    """Write ``output/<bundle>/`` and ``output/<bundle>.zip``, both whole or neither.

    Network and preprocessing are those that the weights record.

    Args:
        bundle: name of a bundle of the repository.
        weights: checkpoint of a training run.
        output: folder that does not exist or is empty.
        formats: also write the network as ``models/probability.*``; see `mammoseg.deploy.formats`.
    Returns:
        Folder of the bundle.
    Raises:
        WrongCallError: an unknown bundle or format, or `output` holds something.
        WeightsError: the weights are damaged or of another architecture.
    """
    root = Path(bundle_root(bundle))
    checkpoint = read_weights(weights)
    network = _network(checkpoint)
    with _whole_folder(Path(output)) as temporary:
        folder = temporary / bundle
        metadata = _write_configs(root, folder, checkpoint)
        shutil.copytree(root / "docs", folder / "docs")
        shutil.copyfile(root / "LICENSE", folder / "LICENSE")
        shutil.copytree(PACKAGE_FOLDER, folder / "mammoseg", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "requirements.lock").write_text(_requirements(metadata), encoding="utf-8")
        (folder / "models").mkdir()
        shutil.copyfile(checkpoint.path, folder / "models" / "model.pt")
        height, width = checkpoint.preprocessing["spatial_size"]
        differences = write_formats(network, ensure_tuple(formats), size=(height, width), folder=folder / "models")
        write_manifest(
            folder,
            name=bundle,
            version=metadata["version"],
            weights_sha256=checkpoint.sha256,
            provenance=checkpoint.provenance,
            differences_from_pytorch=differences,
        )
        write_archive(folder, temporary / f"{bundle}.zip")
    return Path(output) / bundle


def _network(checkpoint: Weights) -> Network:
    """The network of the weights, with the weights in it."""
    network: Network = ConfigParser({"network_def": checkpoint.network}).get_parsed_content("network_def")
    load_weights(network, checkpoint)
    return network


def _write_configs(root: Path, folder: Path, checkpoint: Weights) -> dict[str, Any]:
    """Write ``configs/`` as the weights record them; returns the metadata."""
    shutil.copytree(root / "configs", folder / "configs")
    metadata = ConfigParser.load_config_file(root / "configs" / "metadata.json")
    described = _described(metadata, root.name, checkpoint)
    write_json(folder / "configs" / "metadata.json", described)
    for name in CONFIGS:
        config = ConfigParser.load_config_file(root / "configs" / f"{name}.json")
        _check_architecture(root.name, config["network_def"], checkpoint)
        config["_desc_"] = f"Exported from bundle '{root.name}' with the settings of models/model.pt."
        config["bundle_root"] = {"_target_": "mammoseg.deploy.root.exported_root", "name": "@bundle_name"}
        built = {key: value for key, value in checkpoint.network.items() if key != "encoder_weights"}
        for section, recorded in (("network_def", built), ("preprocessing", checkpoint.preprocessing)):
            _set_recorded(config, section, recorded)
        if name == "inference":
            config |= ConfigParser.load_config_file(LABEL_SERVER)
        text = json.dumps(config).replace(
            '"@_meta_::version"', json.dumps(metadata["version"])
        )  # MONAI Label reads no metadata into configs
        write_json(folder / "configs" / f"{name}.json", json.loads(text))
    return described


def _check_architecture(bundle: str, network_def: dict[str, Any], checkpoint: Weights) -> None:
    target, trained = (config["_target_"].rpartition(".")[2] for config in (network_def, checkpoint.network))
    if target != trained:
        raise WeightsError(f"{checkpoint.path} holds a {trained}, bundle '{bundle}' is a {target}; name its bundle.")


def _set_recorded(config: dict[str, Any], section: str, recorded: dict[str, Any]) -> None:
    """Set arguments of a section; where it refers to a top-level value (``@in_channels``), set that instead."""
    for name, value in recorded.items():
        given = config[section].get(name)
        if isinstance(given, str) and given.startswith("@"):
            config[given[1:]] = value
        else:
            config[section][name] = value


def _described(metadata: dict[str, Any], bundle: str, checkpoint: Weights) -> dict[str, Any]:
    """Metadata with the channels of the network, and the data it was trained on."""
    formats = metadata["network_data_format"]
    image, pred = formats["inputs"]["image"], formats["outputs"]["pred"]
    channels, classes = checkpoint.network["in_channels"], checkpoint.network["out_channels"]
    if classes != pred["num_channels"]:
        raise WeightsError(
            f"{checkpoint.path} has {classes} output channels, bundle '{bundle}' describes {pred['num_channels']}; "
            "set network_data_format in its arch.json."
        )
    image |= {"num_channels": channels, "channel_def": {str(channel): "mammogram" for channel in range(channels)}}
    described = f"Exported from bundle '{bundle}' with the settings of models/model.pt."
    return {**metadata, "_desc_": described, "data_source": checkpoint.provenance["source"]}


def _requirements(metadata: dict[str, Any]) -> str:
    """The versions of the metadata as pip reads them."""
    versions = {package: metadata[field] for field, package in LOCKED_VERSIONS.items()}
    versions |= metadata["required_packages_version"]
    return "".join(f"{package}=={version}\n" for package, version in sorted(versions.items()))


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder` and rename it to `folder` when the block ends well."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WrongCallError(f"{folder} exists and is not empty; name a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as parent:
        temporary = Path(parent) / folder.name
        temporary.mkdir()
        yield temporary
        temporary.replace(folder)
