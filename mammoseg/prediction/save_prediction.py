"""Last step of a bundle's inference: the result beside nothing else, as DICOM SEG or PNG."""

import logging
from collections.abc import Hashable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform

from mammoseg.checkpoints.checkpoint import read_weights
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.errors import InputRefusedError
from mammoseg.files import as_printable
from mammoseg.inference.algorithm import build_algorithm
from mammoseg.inference.engines.torch_engine import TorchEngine
from mammoseg.inference.lesions import Masses, find_masses
from mammoseg.mammogram import Mammogram
from mammoseg.paths import get_stem
from mammoseg.prediction.options import ObjectKind, Options
from mammoseg.prediction.results import write_results
from mammoseg.transforms.pipelines import Preprocessing

logger = logging.getLogger(__name__)


class SavePredictiond(MapTransform):
    """Writes the masses of each prediction; `mammoseg predict` does the same with a table, a page and many checks.

    A mammogram whose masses cannot be masses (see `find_masses`) gets no file, and a line in the log says why.

    Args:
        keys: mass probability ``(1, rows, columns)`` on the original grid.
        preprocessing: what the image went through; the file is read again as it says.
        output_dir: folder of the files, named after ``image_id`` (the path inside the input folder).
        threshold: probability from which a pixel is mass.
        checkpoint: the weights in use; file, SHA-256 and data go into the SEG.
        name: name of the algorithm in the SEG.
        version: version of the algorithm in the SEG.
        flips: whether the probability is the mean with the image upside down, which the SEG says, too.
        precision: what the network computed with, such as f32.
    """

    def __init__(
        self,
        keys: KeysCollection,
        *,
        preprocessing: Preprocessing,
        output_dir: Path | str,
        threshold: float,
        checkpoint: Path | str,
        name: str,
        version: str,
        flips: bool = False,
        precision: str = "f32",
    ) -> None:
        super().__init__(keys)
        self.preprocessing = preprocessing
        self.output_dir = Path(output_dir)
        self.checkpoint = Path(checkpoint)
        self.name, self.version, self.threshold, self.flips = name, version, threshold, flips
        self.precision = precision
        self.algorithm: Algorithm | None = None

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        if self.algorithm is None:
            weights = read_weights(self.checkpoint)
            self.algorithm = build_algorithm(
                weights,
                name=self.name,
                version=self.version,
                threshold=self.threshold,
                flips=self.flips,
                engine=TorchEngine.name,
                precision=self.precision,
            )
        for key in self.key_iterator(item):
            probability = item[key][0].clamp(0, 1).cpu().numpy()
            source = Path(item["image"].meta["filename_or_obj"])
            try:
                mammogram, least = self.preprocessing.read(source), self.algorithm.min_area_mm2
                found = find_masses(probability, mammogram, threshold=self.threshold, least_area_mm2=least)
                self._write(found, mammogram, Path(item["image_id"]), self.algorithm)
            except InputRefusedError as error:
                logger.error("%s: %s", as_printable(source), error)
        return item

    def _write(self, found: Masses, mammogram: Mammogram, image_id: Path, algorithm: Algorithm) -> None:
        output = self.output_dir / image_id.parent
        output.mkdir(parents=True, exist_ok=True)
        write_results(
            mammogram.path,
            get_stem(image_id),
            found.probability,
            found.lesions,
            output=output,
            algorithm=algorithm,
            when=datetime.now(timezone.utc).replace(microsecond=0),
            options=Options(objects=(ObjectKind.SEGMENTATION,)),
            mammogram=mammogram,
        )
