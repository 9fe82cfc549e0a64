"""`mammoseg predict` with a predictor that starts at once: python -m tests.bright_predict IMAGES OUTPUT."""

import sys
from pathlib import Path

from mammoseg.prediction.options import Options
from mammoseg.prediction.run import Workers
from tests.made_predictor import BrightIsMass
from tests.run_predictor import run_predictor

if __name__ == "__main__":
    images, output = map(Path, sys.argv[1:])
    output.mkdir(parents=True, exist_ok=True)
    options = Options(threshold=0.9)
    run_predictor(BrightIsMass(), [images], output, options=options, workers=Workers(2, BrightIsMass))
