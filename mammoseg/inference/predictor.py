"""One mammogram in, its map of mass probability out, under exactly the settings the weights were trained with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammoseg.bundles import locate_bundle, say_why_no_masses
from mammoseg.checkpoints.record import check_architecture, choose_bundle, read_mass_threshold
from mammoseg.checkpoints.weights_file import choose_default_weights
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.files import read_json
from mammoseg.inference.algorithm import build_algorithm
from mammoseg.inference.boxes import check_boxes
from mammoseg.inference.engines.start import start_engine
from mammoseg.inference.probability import compute_image_probability
from mammoseg.mammogram import MODALITIES, Mammogram
from mammoseg.transforms.arrays import ONLY_PATCHES, ArrayPreprocessing, Prepared, with_own_voi
from mammoseg.transforms.functional.geometry import Box

NO_BOXES_TAKEN = "these weights look at whole images and take no boxes; leave --boxes out, or name weights of patches."


@dataclass(frozen=True)
class Prediction:
    """Mass probability of one mammogram on its own pixel grid, as the network gives it; `lesions.py` goes on.

    Attributes:
        probability: float32 ``(rows, columns)``, 0 to 1.
        mammogram: what was read.
        boxes: boxes that a person gave, in and around which alone the network looked; none where it looked everywhere.
    """

    probability: np.ndarray
    mammogram: Mammogram
    boxes: tuple[Box, ...] = ()


class Predictor:
    """A bundle with weights, ready for one file after the other.

    Network and preprocessing are those that the checkpoint records, so weights of a narrower network or another image
    size give what they gave when they were evaluated.

    Args:
        bundle: name of a bundle of the repository.
        weights: checkpoint, or weights that ship; None takes those of
            `mammoseg.checkpoints.weights_file.choose_default_weights`.
        device: torch device; None takes a GPU where there is one.
        modalities: DICOM modalities to let in.
        flips: mean with the image upside down; as the weights record it when None.
        runtime: what computes the network, see `mammoseg.inference.engines.engine.choose_runtime`. With another engine
            than torch neither torch nor MONAI is imported, once the weights were converted.
        precision: ``f32``, ``bf16``, ``f16`` or ``int8``; when None, f16 on a GPU, and on a CPU f32 or what
            `mammoseg.inference.engines.engine.choose_default_precision` says.
        voi: grey-value function in place of that of DICOM files, see `mammoseg.dicom.own_voi`, for weights that
            were not trained with one themselves; None for the files' own.
        prefers_recorded: whether `bundle` is only for weights that do not record a bundle that there is.
        with_boxes: whether each image comes with boxes around its masses, as weights of patches need them and others
            take none; None loads both kinds of weights.

    Attributes:
        threshold: probability from which a pixel is mass: that of the weights, else of the bundle.
        algorithm: name and settings, as its results record them.
        engine: gives the logits of the network.
        preprocessing: the way from a mammogram to what the network sees, and back.

    Raises:
        WeightsError: absent, unsafe, or weights of another architecture.
        WrongCallError: unknown bundle, or one that segments something else than masses; an engine, a device or a
            precision that is not there; weights of patches without boxes, or others with some.
        EngineError: the engine that was named cannot compute the network.

    Examples:
        >>> from pathlib import Path
        >>> from mammoseg.checkpoints.checkpoint import save_checkpoint
        >>> from mammoseg.data.phantom import generate_cohort
        >>> from mammoseg.inference.predictor import Predictor
        >>> from mammoseg.networks.unet import UNet
        >>> from mammoseg.transforms.pipelines import build_film_preprocessing
        >>> network = UNet(channels=(4, 8))  # narrow and untrained, where a real one comes from mammoseg train
        >>> settings = build_film_preprocessing(spatial_size=(64, 64)).settings
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
        modalities: tuple[str, ...] = MODALITIES,
        flips: bool | None = None,
        runtime: str = "torch",
        precision: str | None = None,
        voi: str | None = None,
        prefers_recorded: bool = False,
        with_boxes: bool | None = False,
    ) -> None:
        version = _read_version(bundle)  # what is named wrong is said before anything is read
        path = Path(weights or choose_default_weights(bundle))
        record, self.engine = start_engine(path, device=device, runtime=runtime, precision=precision)
        if prefers_recorded:
            bundle = choose_bundle(record, bundle)
            version = _read_version(bundle)
        check_architecture(record, bundle)
        self.flips = record.flips if flips is None else flips
        self.weights_sha256 = record.sha256
        self.preprocessing = ArrayPreprocessing(with_own_voi(record.preprocessing, voi))
        if with_boxes is not None and with_boxes != self.preprocessing.cuts_patches:
            raise WrongCallError(NO_BOXES_TAKEN if with_boxes else ONLY_PATCHES)
        self.threshold = read_mass_threshold(record, bundle)
        self.algorithm = build_algorithm(
            record,
            name=bundle,
            version=version,
            threshold=self.threshold,
            flips=self.flips,
            engine=self.engine.name,
            precision=self.engine.precision,
            voi=self.preprocessing.voi,
        )
        self.modalities = modalities

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

    def predict(self, mammogram: Mammogram, *, boxes: Sequence[Box] = ()) -> Prediction:
        """Segment a mammogram that was read before.

        Args:
            boxes: boxes around masses, on the grid of the mammogram, for weights of patches; outside of the patch of
                each the probability is 0, and where patches overlap that of the surer one counts.

        Raises:
            InputRefusedError: the network gave values that are no probabilities; or boxes are needed, and there is
                none, or one is none of this mammogram.
        """
        if not self.preprocessing.cuts_patches:
            return Prediction(self._compute_probability(self.preprocessing(mammogram)), mammogram)
        check_boxes(boxes, mammogram)
        surest = np.zeros(mammogram.pixels.shape, np.float32)
        for box in boxes:  # one map at a time: a film has 80 MB a map
            np.maximum(surest, self._compute_probability(self.preprocessing(mammogram, box)), out=surest)
        return Prediction(surest, mammogram, tuple(boxes))

    def _compute_probability(self, prepared: Prepared) -> np.ndarray:
        """Probability, float32 ``(rows, columns)``, on the grid of the mammogram."""
        probability = compute_image_probability(self.engine, prepared.image, flips=self.flips)
        if not np.isfinite(probability).all():
            raise InputRefusedError("E_NOT_FINITE", "the network gave values that are not finite; check the weights")
        return np.clip(prepared.move_back(probability), 0, 1, dtype=np.float32)

    def limit_threads(self, count: int) -> None:
        """Compute with so many threads from here on."""
        self.engine.limit_threads(count)

    def prepare(self) -> None:
        """Do now, in another thread perhaps, what the first image would wait for."""
        self.engine.prepare()


def _read_version(bundle: str) -> str:
    """Version of a bundle that finds masses."""
    metadata = read_json(Path(locate_bundle(bundle)) / "configs" / "metadata.json")
    if reason := say_why_no_masses(bundle):
        raise WrongCallError(f"the network of bundle '{bundle}' {reason}; name another bundle.")
    return metadata["version"]
