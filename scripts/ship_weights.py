"""Make the weights that come with a bundle: bundles/NAME/models/shipped.safetensors, and shipped.json for people.

Usage: python scripts/ship_weights.py CHECKPOINT --bundle NAME --threshold 0.35 [--temperature 1.2] [--flips]
"""

from mammoseg.checkpoints.shipping import ship
from mammoseg.command_line import run_script


def ship_weights(
    checkpoint: str, bundle: str, threshold: float, temperature: float | None = None, flips: bool = False
) -> None:
    """Write both files anew.

    Args:
        checkpoint: file of a training run.
        bundle: name of the bundle of its architecture.
        threshold: probability from which a pixel is mass, chosen on validation.
        temperature: the calibration's temperature, where one was fitted.
        flips: whether both were found with flips at test, which are the default then.
    """
    path = ship(checkpoint, bundle=bundle, threshold=threshold, temperature=temperature, flips=flips)
    print(f"{path} has {path.stat().st_size:,} bytes; {path.with_suffix('.json').name} beside it says what is in it.")


if __name__ == "__main__":
    run_script(ship_weights)
