"""An INT8 network out of weights, by OpenVINO's own post-training quantisation (NNCF), on images of their training.

Ranges of values are taken from the images; nothing is trained. https://github.com/openvinotoolkit/nncf
"""

import contextlib
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from mammoseg.checkpoints.converted_file import INT8, PROBABILITY, ConvertedFile, write_record
from mammoseg.checkpoints.record import check_architecture, read_mass_threshold
from mammoseg.checkpoints.weights_file import choose_default_weights
from mammoseg.data.datalist import DATALIST, load_section, read_voi
from mammoseg.errors import WrongCallError
from mammoseg.files import atomic_path, output_errors, sole_writer
from mammoseg.inference.engines.converted import prepare_converted
from mammoseg.inference.engines.engine import Engine, EngineError
from mammoseg.inference.engines.int8 import locate_int8
from mammoseg.inference.engines.openvino_engine import OpenVinoEngine
from mammoseg.inference.engines.start import LogitsOf
from mammoseg.inference.probability import compute_image_probability
from mammoseg.transforms.arrays import ONLY_PATCHES, ArrayPreprocessing, with_own_voi

LEAST_AGREEMENT = 0.7
"""Pooled Dice of the masks in INT8 with those in f32, on the images of the calibration, below which nothing is kept:
such a network draws other masses. The weights that ship have 0.9.
"""


def quantise(bundle: str, *, dataset_dir: str | Path, weights: str | Path | None = None, images: int = 100) -> None:
    """Keep the INT8 network of weights, where ``predict --precision int8`` finds it, and say how it agrees with f32.

    Args:
        bundle: bundle of the weights.
        dataset_dir: folder of the ``datalist.json``; images of its training section are taken, by chance (seed 0).
        weights: checkpoint, or an ONNX file with its record; those of the bundle when None.
        images: number of images to take.

    Raises:
        WrongCallError: NNCF is not installed, or there is no training image.
        WeightsError: the weights cannot be used, or are of another architecture.
        EngineError: the network cannot be converted or quantised, or draws other masks.
        InputRefusedError: an image cannot be used.
        OutputError: the network cannot be kept.
    """
    if find_spec("nncf") is None:
        raise WrongCallError("quantise needs NNCF, in an environment with mammoseg; run: pip install 'mammoseg[int8]'.")
    datalist = Path(dataset_dir) / DATALIST
    records = load_section(datalist, "training")
    path = Path(weights or choose_default_weights(bundle))
    found = prepare_converted(path, OpenVinoEngine)
    if found.precision == INT8:
        raise WrongCallError(f"{path} is an INT8 network already; name the weights that it was made of.")
    check_architecture(found.record, bundle)
    prepare = ArrayPreprocessing(with_own_voi(found.record.preprocessing, read_voi(datalist)))
    if prepare.cuts_patches:
        raise WrongCallError(ONLY_PATCHES)
    chosen = np.random.default_rng(0).permutation(len(records))[:images]
    seen = [prepare(prepare.read(records[one]["image"])).image for one in chosen]
    model = locate_int8(found.record.sha256)
    with output_errors(model.parent), sole_writer(model.parent, model.with_suffix(".lock"), waits=True):
        with atomic_path(model) as temporary:
            _write_int8(found, seen, temporary)
            agreement = _compute_agreement(found, temporary, seen, threshold=read_mass_threshold(found.record, bundle))
            if not agreement >= LEAST_AGREEMENT:
                raise EngineError(
                    f"in INT8 the masks of {path} agree with those in f32 with a Dice of {agreement:.2f}, needed are "
                    f"{LEAST_AGREEMENT}; name more --images of the training, or compute in f32."
                )
        write_record(model, found.record, output=found.output, precision=INT8)
    print(f"{model}: INT8, on {len(seen)} images; Dice of its masks there with those in f32: {agreement:.3f}.")


def _write_int8(found: ConvertedFile, images: Sequence[np.ndarray], model: Path) -> None:
    os.environ.setdefault("NNCF_CI", "1")  # NNCF tells its makers of its use otherwise
    import nncf  # not in the lock: an extra, which few need
    import onnx

    network = onnx.load(found.model)
    (name,) = [given.name for given in network.graph.input]
    flips = found.record.flips  # then the network sees images upside down too, as every second one here
    looks = [image[:, ::-1] if flips and at % 2 == 0 else image for at, image in enumerate(images)]
    data = nncf.Dataset([{name: np.ascontiguousarray(look[None])} for look in looks])
    with contextlib.redirect_stdout(sys.stderr):  # its bars
        quantised = nncf.quantize(network, data, subset_size=len(images), preset=nncf.QuantizationPreset.MIXED)
    onnx.save(quantised, model)


def _compute_agreement(found: ConvertedFile, model: Path, images: Sequence[np.ndarray], *, threshold: float) -> float:
    """Dice of all masks in INT8 together with all in f32; 1 where there is none in both."""

    channels, rows, columns = images[0].shape

    def draw_masks(path: Path) -> np.ndarray:
        opened = OpenVinoEngine(path, shape=(channels, rows, columns))
        engine: Engine = LogitsOf(opened) if found.output == PROBABILITY else opened
        return np.stack(
            [compute_image_probability(engine, image, flips=found.record.flips) >= threshold for image in images]
        )

    one, other = draw_masks(model), draw_masks(found.model)
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else 1.0
