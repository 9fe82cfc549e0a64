"""A checkpoint becomes an ONNX file, by torch, and is proven in the engine that will read it."""

import sys
from pathlib import Path

import numpy as np
import torch

from mammoseg.bundles import BUNDLES_FOLDER
from mammoseg.checkpoints.checkpoint import build_trained_network, read_record, read_weights
from mammoseg.checkpoints.converted_file import ENDING, LOGITS, find_kept_network, write_record
from mammoseg.checkpoints.record import WeightsRecord
from mammoseg.checkpoints.weights_file import SHIPPED
from mammoseg.deploy.formats import write_onnx
from mammoseg.errors import say_kind_and_place
from mammoseg.files import atomic_path, hash_file
from mammoseg.inference.engines.engine import EngineError, FileEngine
from mammoseg.inference.engines.openvino_engine import OpenVinoEngine

TOLERANCE = 1e-3
"""Largest difference from eager PyTorch of any logit in f32 that is let out, relative to the largest above 1: rounding
of the deepest network is a tenth of it, and a mean probability near 0.5 moves by a quarter at most."""


def convert_shipped() -> list[Path]:
    """Convert the weights that ship for engines without torch, where that was not done yet; returns the ONNX files.

    Raises:
        EngineError: see `convert_beside`.
    """
    return [convert_beside(weights) for weights in sorted(BUNDLES_FOLDER.glob(f"*/models/{SHIPPED}"))]


def convert_beside(weights: Path) -> Path:
    """Write the network of weights beside them, where every later call finds it; a file that is theirs is kept.

    Returns:
        The ONNX file.
    Raises:
        WeightsError: the weights cannot be used.
        EngineError: the network cannot be written, or OpenVINO gives something else than PyTorch.
        OSError: the file cannot be written.
    """
    model = weights.with_suffix(ENDING)
    if find_kept_network(model, hash_file(weights)) is None:
        write_record(model, convert(weights, model, OpenVinoEngine), output=LOGITS)
    return model


def convert(weights: Path, model: Path, engine: type[FileEngine]) -> WeightsRecord:
    """Write the network of a checkpoint to `model`, whole or not at all; returns what the checkpoint records.

    Raises:
        WeightsError: the checkpoint cannot be used.
        EngineError: the network cannot be written, or the engine gives something else than PyTorch.
        OSError: the file cannot be written.
    """
    checkpoint = read_weights(weights)
    print(f"{weights.name} is converted for {engine.name}, once; kept in {model.parent}.", file=sys.stderr, flush=True)
    network = build_trained_network(checkpoint).eval()
    rows, columns = checkpoint.preprocessing["spatial_size"]
    shape = (network.config["in_channels"], rows, columns)
    images = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), atomic_path(model) as temporary:
        try:
            write_onnx(network, images, temporary, output="logits")
            expected = network(images).numpy()
            found = engine(temporary, shape=shape, precision="f32")(images.numpy())
        except OSError:
            raise
        except Exception as error:  # of an exporter, or of a reader of its file
            reason = say_kind_and_place(error)
            raise EngineError(f"{engine.name} cannot take {weights} ({reason}); name --runtime torch.") from error
        difference = np.abs(found - expected).max() / max(1.0, np.abs(expected).max())
        if not difference <= TOLERANCE:  # NaN fails too
            raise EngineError(
                f"{engine.name} differs from PyTorch by {difference:.1e} with {weights}, allowed are {TOLERANCE:.0e}; "
                "name --runtime torch."
            )
    return read_record(checkpoint)
