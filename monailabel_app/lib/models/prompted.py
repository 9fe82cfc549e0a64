"""Interactive models behind MONAI Label's `InferTask`: points and a box, or scribbles, in; one mass out."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from mammoseg.bundles import locate_bundle
from mammoseg.checkpoints.checkpoint import read_weights_for
from mammoseg.dicom.algorithm import Assistance
from mammoseg.errors import InputRefusedError
from mammoseg.files import read_json
from mammoseg.inference.algorithm import describe_weights
from mammoseg.inference.engines.engine import AUTO
from mammoseg.interactive.click_model import BUNDLE, choose_click_weights, load_click_model
from mammoseg.interactive.clicks import CLICK_RADIUS_PIXELS, without_clicked_out
from mammoseg.interactive.in_breast import check_in_breast
from mammoseg.interactive.model import InteractiveModel
from mammoseg.interactive.prompts import Prompts
from mammoseg.interactive.random_walker import RandomWalker
from mammoseg.interactive.region_growing import RegionGrowing
from mammoseg.interactive.run_lengths import RunLengths
from monailabel_app.lib.datastore.work import Proposal
from monailabel_app.lib.models.infer import LABELS, WEIGHTS_FACTS, read_extension, write_temporary
from monailabel_app.lib.models.prepared import LookedAt, LookedAtImages
from monailabel_app.lib.models.run import PROPOSAL, SO_FAR
from monailabel_app.lib.models.said_prompts import (
    OF_A_PAGE,
    OF_SCRIBBLES,
    OF_SMART_EDIT,
    Said,
    from_page,
    from_scribbles,
    from_smart_edit,
)
from monailabel_app.lib.params import read_params

CLICK_RADIUS_MM = 5.0
"""How far a click outside reaches where the image says how large a pixel is."""


class Outliner:
    """An interactive model over images that are kept ready; a model computes one image at a time.

    Args:
        model: model that answers.
        assistance: description of the model in labels that it helped with.
        images: images that all models share.
        description: one sentence on it.
        facts: what is known of its weights, see `describe_weights`; without weights there is nothing to be known.
    """

    def __init__(
        self,
        model: InteractiveModel,
        assistance: Assistance,
        images: LookedAtImages,
        *,
        description: str,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.assistance = assistance
        self.images = images
        self.description = description
        self.facts = dict.fromkeys(WEIGHTS_FACTS) | dict(facts or {})
        self._computing = threading.Lock()

    @property
    def warning(self) -> str | None:
        """What must be said of its outlines."""
        return self.facts["warning"]

    def outline(self, looked: LookedAt, prepared: Any, what: Said) -> Proposal:
        """Outline the mass that the prompts mean, on an image that is ready.

        Raises:
            PromptError: they mean none in the breast.
        """
        check_in_breast(what.prompts, looked.breast)
        with self._computing:
            mask = self.model.segment(prepared, what.prompts)
        radius = CLICK_RADIUS_PIXELS if looked.pixel_mm is None else CLICK_RADIUS_MM / looked.pixel_mm
        mask = without_clicked_out(mask, what.prompts, radius=radius)
        if what.painted is not None:
            mask = (mask | what.painted.inside) & ~what.painted.outside
        so_far = None if what.prompts.mask is None else RunLengths.from_mask(what.prompts.mask)
        return Proposal(self.assistance, RunLengths.from_mask(mask), what.count, what.marks, so_far)

    def outline_for_page(self, path: Path, sent: Mapping[str, Any]) -> Proposal:
        """The outline for a page.

        Args:
            path: file of the image.
            sent: what was sent, see `OF_A_PAGE`.

        Raises:
            InputRefusedError: the file cannot be used, or a parameter is none of its kind.
            PromptError: the prompts are none of this image.
        """
        values = read_params(sent, OF_A_PAGE)

        def outline(looked: LookedAt, prepared: Any) -> Proposal:
            return self.outline(looked, prepared, from_page(values, looked.grid.shape))

        proposal: Proposal = self.images.use(path, self.model, outline)
        return proposal


class PromptedInferTask(InferTask):
    """An interactive model as MONAI Label has it: of type ``deepedit``, or ``scribbles``.

    Args:
        outliner: model that answers, with its images.
        scribbles: whether it takes label maps that were painted on; else points and a box.

    Attributes:
        prompts: parameters that no table of options shows.
        warning: what must be said with its outlines.
    """

    def __init__(self, outliner: Outliner, *, scribbles: bool) -> None:
        super().__init__(
            type=InferType.SCRIBBLES if scribbles else InferType.DEEPEDIT,
            labels=[],  # with names, Slicer would send points by their labels and none outside
            dimension=2,
            description=f"{outliner.description}; research only, not for diagnosis",
        )
        self.outliner = outliner
        self.warning = outliner.warning
        self.prompts = OF_SCRIBBLES if scribbles else OF_SMART_EDIT
        self._read = from_scribbles if scribbles else from_smart_edit

    def info(self) -> dict[str, Any]:
        """As MONAI Label's, with the version of the model and what must be said of it; no other weights are served."""
        return {
            **super().info(),
            "description": f"{self.description}. {self.warning}" if self.warning else self.description,
            "version": self.outliner.assistance.version,
            "weights": 0,
            **self.outliner.facts,
        }

    def is_valid(self) -> bool:
        """Whether it can answer; always."""
        return True

    def __call__(self, request: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Outline one mass of ``request["image"]``, a file.

        Returns:
            Path of the mask, uint8 0 / 1 in a file of its own that the caller removes; and what is said of it.
        Raises:
            InputRefusedError: a parameter is none of its kind, or a file cannot be used.
            PromptError: the prompts are none of this image.
        """
        begin = time.perf_counter()
        suffix = read_extension(request)
        values = read_params(request, self.prompts)
        label = Path(request["label"]) if request.get("label") else None

        def outline(looked: LookedAt, prepared: Any) -> tuple[Proposal, str]:
            what = self._read(values, looked.grid, label, str(request.get("image_id", "")))
            what = what.with_so_far(request.get(SO_FAR), looked.grid.shape)
            proposal = self.outliner.outline(looked, prepared, what)
            file = write_temporary(proposal.outline.to_mask(looked.grid.shape), looked.grid, suffix)
            return proposal, str(file)

        proposal, file = self.outliner.images.use(Path(request["image"]), self.outliner.model, outline)
        return file, {
            "label_names": LABELS,
            "model": self.outliner.assistance.name,
            "version": self.outliner.assistance.version,
            **self.outliner.facts,
            "latencies": {"total": round(time.perf_counter() - begin, 4)},
            **({PROPOSAL: proposal} if request.get(PROPOSAL) else {}),
        }

    def encode_segmentation(self, image: Path | str, request: Mapping[str, Any] | None = None) -> bytes:
        """Refuse: what is not done yet is no object of a study.

        Raises:
            InputRefusedError: always.
        """
        raise InputRefusedError(
            "E_PARAMS", "an outline from prompts becomes a DICOM SEG when a person saves it as a label."
        )


class OnDemand:
    """A model that is loaded when it is first asked, so that nobody waits for it at the start.

    Args:
        name: name of the model.
        load: function that loads it.
    """

    def __init__(self, name: str, load: Callable[[], InteractiveModel]) -> None:
        self.name = name
        self._load = load
        self._loading = threading.Lock()
        self._loaded: InteractiveModel | None = None

    def prepare(self, image: np.ndarray) -> Any:
        """What the model makes of an image ``(rows, columns)``, grey values 0 to 1."""
        return self.load().prepare(image)

    def segment(self, prepared: Any, prompts: Prompts) -> np.ndarray:
        """Outline of the model, bool ``(rows, columns)``."""
        return self.load().segment(prepared, prompts)

    def load(self) -> InteractiveModel:
        """The model, loaded once."""
        with self._loading:
            self._loaded = self._loaded or self._load()
            return self._loaded


def _build_learned(images: LookedAtImages, *, preload: bool, device: str | None, runtime: str) -> dict[str, Outliner]:
    """The network that takes prompts, where it has weights."""
    path = choose_click_weights()
    if not path.is_file():
        return {}
    facts = describe_weights(read_weights_for(BUNDLE, path))
    version = read_json(Path(locate_bundle(BUNDLE)) / "configs" / "metadata.json")["version"]
    named = {name: value for name, value in facts.items() if value is not None and name != "warning"}
    assistance = Assistance(BUNDLE, version, named)
    words = "Click U-Net from clicks, a box or strokes"
    model = OnDemand(BUNDLE, lambda: load_click_model(path, device=device, runtime=runtime))
    if preload:
        model.load()
    return {BUNDLE: Outliner(model, assistance, images, description=words, facts=facts)}


def build_prompted_models(
    images: LookedAtImages, *, preload: bool = False, device: str | None = None, runtime: str = AUTO
) -> dict[str, Outliner]:
    """Interactive models by their names, the one that answers by default first.

    Args:
        images: images that all of them share.
        preload: whether the network is loaded now, not by the first request.
        device: torch device of the network; None for a GPU where there is one.
        runtime: what computes it, see `mammoseg.inference.engines.engine.choose_runtime`.

    Raises:
        WeightsError: weights that were trained here cannot be used.
    """
    walker, growing = RandomWalker(), RegionGrowing()
    return _build_learned(images, preload=preload, device=device, runtime=runtime) | {
        model.name: Outliner(model, Assistance(model.name, model.version, is_learned=False), images, description=words)
        for model, words in (
            (walker, "Random walker from clicks, a box or strokes, without weights"),
            (growing, "Region growing from clicks, a box or strokes, without weights"),
        )
    }


def build_prompted_tasks(outliners: Mapping[str, Outliner]) -> dict[str, PromptedInferTask]:
    """Two tasks for each model: by its name for points, and ``<name>_scribbles``."""
    points = {name: PromptedInferTask(outliner, scribbles=False) for name, outliner in outliners.items()}
    painted = {f"{name}_scribbles": PromptedInferTask(outliner, scribbles=True) for name, outliner in outliners.items()}
    return points | painted
