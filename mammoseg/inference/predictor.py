"""One mammogram in, its map of mass probability out, under exactly the settings the weights were trained with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import Invertd

from mammoseg.bundles import bundle_root
from mammoseg.checkpoints.checkpoint import read_weights_for, trained_network, trained_preprocessing
from mammoseg.checkpoints.weights_file import default_weights
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.inference.acceleration import accelerate
from mammoseg.inference.algorithm import algorithm_of
from mammoseg.mammogram import Mammogram
from mammoseg.transforms.mass_probability import mass_probability
from mammoseg.transforms.pipelines import Preprocessing


@dataclass(frozen=True)
class Prediction:
    """Mass probability of one mammogram on its own pixel grid, as the network gives it; `lesions.py` goes on.

    Attributes:
        probability: float32 ``(rows, columns)``, 0 to 1.
        mammogram: that was read.
    """

    probability: np.ndarray
    mammogram: Mammogram


class Predictor:
    """A bundle with weights, ready for one file after the other.

    Network and preprocessing are those that the checkpoint records, so weights of a narrower network or another image
    size give what they gave when they were evaluated.

    Args:
        bundle: name of a bundle of the repository.
        weights: checkpoint, or weights that ship; None takes those of
            `mammoseg.checkpoints.weights_file.default_weights`.
        device: torch device; None takes a GPU where there is one.
        modalities: DICOM modalities to let in.
        flips: mean with the image upside down; as the weights record it when None.

    Attributes:
        threshold: probability from which a pixel is mass: that of the weights, else of the bundle.
        algorithm: what its results say of it.

    Raises:
        WeightsError: absent, unsafe, or weights of another architecture.
        WrongCallError: unknown bundle, or one that segments something else than masses; a device that is not there.

    Examples:
        >>> from pathlib import Path
        >>> from mammoseg.checkpoints.checkpoint import save_checkpoint
        >>> from mammoseg.data.phantom import generate_cohort
        >>> from mammoseg.inference.predictor import Predictor
        >>> from mammoseg.networks.unet import UNet
        >>> from mammoseg.transforms.pipelines import preprocessing
        >>> network = UNet(channels=(4, 8))  # narrow and untrained, where a real one comes from mammoseg train
        >>> settings = preprocessing(spatial_size=(64, 64)).settings
        >>> parts = {"model": network.state_dict(), "network": network.config, "preprocessing": settings}
        >>> save_checkpoint(Path("model.pt"), parts | {"provenance": {}})
        >>> record, *_ = generate_cohort(Path("phantoms"), patients=1, size=80)
        >>> predictor = Predictor("unet", weights="model.pt", device="cpu")
        >>> predictor(f"phantoms/{record['image']}").probability.shape
        (80, 64)
    """

    def __init__(
        self,
        bundle: str,
        *,
        weights: Path | str | None = None,
        device: str | None = None,
        modalities: tuple[str, ...] = ("MG",),
        flips: bool | None = None,
    ) -> None:
        root = Path(bundle_root(bundle))
        parser = ConfigParser(ConfigParser.load_config_file(root / "configs" / "inference.json"))
        channels = parser["network_def"]["out_channels"]
        if channels > 2:
            raise WrongCallError(
                f"the network of bundle '{bundle}' gives {channels} classes, no mass; run its configs/inference.json."
            )
        checkpoint = read_weights_for(bundle, weights or default_weights(bundle))
        if device is not None:
            parser["device"] = f"$torch.device('{usable_device(device)}')"
        parser["flips"] = checkpoint.flips if flips is None else flips
        self.weights_sha256 = checkpoint.sha256
        self.threshold: float = checkpoint.threshold or parser["default_threshold"]
        version = ConfigParser.load_config_file(root / "configs" / "metadata.json")["version"]
        self.algorithm = algorithm_of(
            checkpoint, name=bundle, version=version, threshold=self.threshold, flips=parser["flips"]
        )
        self.modalities = modalities
        self.device: torch.device = parser.get_parsed_content("device")
        self.preprocessing: Preprocessing = trained_preprocessing(checkpoint)
        self.inferer: Any = parser.get_parsed_content("inferer")
        network = trained_network(checkpoint).to(self.device)
        size = self.preprocessing.settings["spatial_size"]
        example = torch.empty(1, network.config["in_channels"], *size, device=self.device)
        self.network = accelerate(network, example)
        self.invert = Invertd("pred", self.preprocessing, orig_keys="image", nearest_interp=False, to_tensor=True)

    def __call__(self, path: Path | str) -> Prediction:
        """Segment one file.

        Raises:
            InputRefusedError: the file cannot be used, or the network gave values that are no probabilities.
        """
        return self.predict(self.read(path))

    def read(self, path: Path | str) -> Mammogram:
        """Read a file with the grey values that the weights were trained on.

        Raises:
            InputRefusedError: the file cannot be used.
        """
        return self.preprocessing.read(path, modalities=self.modalities)

    @torch.inference_mode()
    def predict(self, mammogram: Mammogram) -> Prediction:
        """Segment a mammogram that was read before.

        Raises:
            InputRefusedError: the network gave values that are no probabilities.
        """
        item = self.preprocessing({"image": mammogram})
        logits = self.inferer(item["image"][None].to(self.device), self.network)[0]
        item["pred"] = MetaTensor(mass_probability(logits.float()).cpu())
        if not item["pred"].isfinite().all():
            raise InputRefusedError("E_NOT_FINITE", "the network gave values that are not finite; check the weights")
        probability = self.invert(item)["pred"][0].numpy()
        return Prediction(np.clip(probability, 0, 1, dtype=np.float32), mammogram)


def usable_device(name: str) -> torch.device:
    """The device of this name, after a first tensor on it.

    Raises:
        WrongCallError: there is none that computes.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        raise WrongCallError(f"device '{name}' cannot be used on this machine; leave it out, or name cpu.") from error
    return device
