"""Make the weights that come with a bundle: bundles/NAME/models/shipped.safetensors, and shipped.json for people.

Usage: python scripts/ship_weights.py CHECKPOINT --bundle NAME [--mean_with CHECKPOINT] [--threshold 0.35] [--flips]
    [--min_area_mm2 10] [--bf16_dice_change -0.001 --bf16_measured_on DATA] [--data WORDS] [--origin WORDS]
"""

import checkout  # noqa: F401  # the package is that of this checkout

from mammoseg.checkpoints.shipping import ship
from mammoseg.command_line import run_script


def ship_weights(
    checkpoint: str,
    bundle: str,
    mean_with: str | None = None,
    threshold: float | None = None,
    flips: bool | None = None,
    min_area_mm2: float | None = None,
    bf16_dice_change: float | None = None,
    bf16_measured_on: str | None = None,
    data: str | None = None,
    origin: str | None = None,
) -> None:
    """Write both files anew; what is not given, and the calibration, are those that the checkpoint records.

    Args:
        checkpoint: file of a training run, or what `mammoseg calibrate` wrote.
        bundle: name of the bundle of its architecture.
        mean_with: a second checkpoint; the mean of the weights of both ships.
        threshold: probability from which a pixel is mass, chosen on validation.
        flips: whether it was found with flips at test, which are the default then.
        min_area_mm2: least area of a mass, chosen on validation.
        bf16_dice_change: mean Dice in bf16 less that in f32, on images held out; `predict` computes with bf16 by it.
        bf16_measured_on: the images of that measurement.
        data: on which images it was trained and validated, for people.
        origin: command, machine and time of the training, for people.
    """
    given = {"threshold": threshold, "flips": flips, "min_area_mm2": min_area_mm2}
    chosen = {name: value for name, value in given.items() if value is not None}
    chosen |= {name: float(value) for name, value in chosen.items() if name != "flips"}  # fire reads 10 as int
    if bf16_dice_change is not None:
        chosen["bf16"] = {"dice_change": float(bf16_dice_change), "measured_on": bf16_measured_on}
    said = {name: text for name, text in (("data", data), ("origin", origin)) if text is not None}
    path = ship(checkpoint, bundle=bundle, mean_with=[] if mean_with is None else [mean_with], said=said, **chosen)
    print(f"{path} has {path.stat().st_size:,} bytes; {path.with_suffix('.json').name} beside it says what is in it.")


if __name__ == "__main__":
    run_script(ship_weights)
