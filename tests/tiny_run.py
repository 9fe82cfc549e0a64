"""A data set and a training run that take seconds, for tests of everything around the training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from monai.bundle import ConfigWorkflow

from mammoseg.bundles import locate_bundle
from mammoseg.data.datalist import write_datalist

SECTIONS = {"training": 6, "validation": 3, "test": 3}


def write_tiny_dataset(folder: Path, counts: Mapping[str, int] = SECTIONS) -> Path:
    """Twelve pictures of a breast with one bright disc, 64 x 48, one patient each; returns the folder.

    Args:
        counts: pictures of each section, where there are others than twelve.
    """
    rng = np.random.default_rng(0)
    sections: dict[str, list[dict[str, Any]]] = {section: [] for section in counts}
    for section, count in counts.items():
        for number in range(count):
            name = f"{section}-{number}"
            mask = np.zeros((64, 48), np.uint8)
            cv2.circle(mask, (int(rng.integers(10, 26)), int(rng.integers(20, 44))), 6, 255, -1)
            image = np.zeros((64, 48), np.uint8)
            cv2.ellipse(image, (0, 32), (40, 30), 0, 0, 360, 90, -1)
            image[mask > 0] = 220
            for kind, picture in (("images", image), ("masks", mask)):
                (folder / kind).mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / kind / f"{name}.png"), picture)
            sections[section].append(
                {
                    "image_id": name,
                    "image": f"images/{name}.png",
                    "label": f"masks/{name}.png",
                    "patient_id": f"patient-{name}",
                    "laterality": "L",
                    "view": "CC",
                    "fold": None if section == "test" else number % 3,
                    "has_mass": True,
                }
            )
    write_datalist(folder / "datalist.json", name="tiny", source="folder", seed=0, license=None, sections=sections)
    return folder


def tiny_overrides(dataset: Path, run: Path, **overrides: Any) -> dict[str, Any]:
    """Overrides that make any bundle train in seconds on `dataset` and write below `run`."""
    return {
        "dataset_dir": str(dataset),
        "ckpt_dir": str(run / "models"),
        "output_dir": str(run / "eval"),
        "spatial_size": [32, 32],
        "network_def::channels": [4, 8, 16],
        "device": "$torch.device('cpu')",
        "batch_size": 2,
        "max_epochs": 3,
        **overrides,
    }


def evaluated_run(folder: Path) -> Path:
    """A data set, a U-Net trained on it for an epoch, its evaluation: ``data``, ``models``, ``eval`` in `folder`."""
    overrides = tiny_overrides(write_tiny_dataset(folder / "data"), folder, max_epochs=1)
    workflow("unet", **overrides).run()
    workflow("unet", "evaluate", **overrides).run()
    return folder


def workflow(bundle: str, *overlays: str, run_id: str = "run", **overrides: Any) -> ConfigWorkflow:
    """Workflow of a bundle's train.json with `overlays`, initialised."""
    configs = Path(locate_bundle(bundle)) / "configs"
    files = [str(configs / f"{name}.json") for name in ("train", *overlays)]
    flow = ConfigWorkflow(files, logging_file=False, run_id=run_id, **overrides)
    flow.initialize()
    return flow
