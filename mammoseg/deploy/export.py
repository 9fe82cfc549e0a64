"""A bundle and its weights as a folder that runs on a machine with nothing but the packages its metadata lists."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai.utils import ensure_tuple

from mammoseg.bundles import INSTALLED_BUNDLES, LOCKED_VERSIONS, locate_bundle, read_exported_name
from mammoseg.cards.card import describe_bundle, render_card_files
from mammoseg.checkpoints.checkpoint import (
    as_checkpoint,
    build_trained_network,
    read_record,
    read_weights,
    write_weights,
)
from mammoseg.checkpoints.converted_file import PROBABILITY, write_record
from mammoseg.checkpoints.ensemble_file import read_named_ensemble
from mammoseg.checkpoints.mean_weights import join_weights
from mammoseg.checkpoints.weights_file import TRAINED, Named, choose_default_weights, list_named_weights
from mammoseg.deploy.asked import ONNX
from mammoseg.deploy.configs import write_configs
from mammoseg.deploy.formats import write_formats
from mammoseg.deploy.manifest import write_manifest, write_zip
from mammoseg.errors import WrongCallError
from mammoseg.files import whole_folder
from mammoseg.provenance import PACKAGE_FOLDER, find_warning
from mammoseg.transforms.arrays import ONLY_PATCHES

NOT_EXPORTED = shutil.ignore_patterns("__pycache__", "benchmark", INSTALLED_BUNDLES.name)


def export(bundle: str, *, output: Path | str, weights: Named | None = None, formats: str | Sequence[str] = ()) -> Path:
    """Write ``output/<bundle>/`` and ``output/<bundle>.zip``, both whole or neither.

    Network and preprocessing are those that the weights record.

    Args:
        bundle: name of a bundle of the repository.
        output: folder that does not exist or is empty.
        weights: checkpoint; when None, `mammoseg.checkpoints.weights_file.choose_default_weights`. Weights that ship
            become a checkpoint, which is what MONAI Label reads. Several, or a folder of several, become one, whose
            network is their mean, see `mammoseg.checkpoints.mean_weights.join_weights`.
        formats: forms in which the network is written too, as ``models/probability.*``; see `mammoseg.deploy.formats`.
    Returns:
        Folder of the bundle.
    Raises:
        WrongCallError: an unknown bundle or format, `output` holds something, or this package is a copy in an export;
            or the weights are of patches around known masses, or several that see an image in different ways.
        WeightsError: the weights are damaged or of another architecture.
        FormatError: a format does not give what PyTorch gives.
    """
    if read_exported_name(PACKAGE_FOLDER.parent) is not None:
        raise WrongCallError(f"{PACKAGE_FOLDER.parent} is an exported bundle; export from the repository of mammoseg.")
    root = Path(locate_bundle(bundle))
    named = weights or choose_default_weights(bundle)
    files, record = list_named_weights(named), read_named_ensemble(named)
    is_mean = len(files) > 1 or record is not None
    checkpoint = join_weights(files, bundle=bundle, record=record) if is_mean else read_weights(files[0])
    if checkpoint.preprocessing.get("patch_area") is not None:
        raise WrongCallError(ONLY_PATCHES)
    with whole_folder(Path(output)) as temporary:
        folder = temporary / bundle
        configs = write_configs(root, folder, checkpoint)
        metadata = configs["metadata"]
        card = describe_bundle(bundle, configs, exported=True, provenance=checkpoint.provenance)
        _write_docs(folder / "docs", card)
        shutil.copyfile(root / "LICENSE", folder / "LICENSE")
        shutil.copytree(PACKAGE_FOLDER, folder / "mammoseg", ignore=NOT_EXPORTED)
        (folder / "requirements.lock").write_text(_format_requirements(metadata), encoding="utf-8")
        models = folder / "models"
        models.mkdir()
        checkpoint = (write_weights if is_mean else as_checkpoint)(checkpoint, models / TRAINED)
        size = checkpoint.preprocessing["spatial_size"]
        differences = write_formats(
            build_trained_network(checkpoint), ensure_tuple(formats), size=tuple(size), folder=models
        )
        if ONNX in differences:
            write_record(models / f"probability.{ONNX}", read_record(checkpoint), output=PROBABILITY)
        write_manifest(
            folder,
            name=bundle,
            version=metadata["version"],
            weights_sha256=checkpoint.sha256,
            provenance=checkpoint.provenance,
            differences_from_pytorch=differences,
        )
        write_zip(folder, temporary / f"{bundle}.zip")
    if warning := find_warning(checkpoint.provenance):
        print(f"WARNING: {warning}", file=sys.stderr)
    return Path(output) / bundle


def _write_docs(folder: Path, card: dict[str, Any]) -> None:
    folder.mkdir()
    for name, text in render_card_files(card).items():
        (folder / name).write_text(text, encoding="utf-8")


def _format_requirements(metadata: dict[str, Any]) -> str:
    """The versions of the metadata as pip reads them."""
    versions = {package: metadata[field] for field, package in LOCKED_VERSIONS.items()}
    versions |= metadata["required_packages_version"]
    return "".join(f"{package}=={version}\n" for package, version in sorted(versions.items()))
