"""The MONAI Label app of mammoseg: what `lib` offers, put together. Networks, transforms, metadata: see the bundles."""

# ruff: noqa: E402  # the path and the shim must be there before the imports

import sys
from pathlib import Path
from typing import Any

REPOSITORY = str(Path(__file__).resolve().parents[1])
if REPOSITORY not in sys.path:  # `monailabel start_server` loads this file by its path
    sys.path.insert(0, REPOSITORY)

from monailabel_app.lib import shim

shim.prepare()

from monailabel.config import settings as monailabel_settings
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.batch_infer import BatchInferTask
from monailabel.interfaces.tasks.infer_v2 import InferTask
from monailabel.interfaces.tasks.scoring import ScoringMethod
from monailabel.interfaces.tasks.strategy import Strategy
from monailabel.interfaces.tasks.train import TrainTask

from mammoseg import __version__
from mammoseg.inference.engines.engine import AUTO
from mammoseg.inference.engines.torch_engine import try_device
from monailabel_app.lib.app import NamedTasks
from monailabel_app.lib.conf import (
    check_keys,
    read_modalities,
    read_number,
    read_whole_number,
    read_yes_no_or_recorded,
    read_yes_or_no,
)
from monailabel_app.lib.datastore import open_datastore
from monailabel_app.lib.models.batch import MassBatchInferTask
from monailabel_app.lib.models.discover import discover
from monailabel_app.lib.models.infer import MassInferTask
from monailabel_app.lib.models.prepared import LookedAtImages
from monailabel_app.lib.models.prompted import build_prompted_models, build_prompted_tasks
from monailabel_app.lib.models.run import infer
from monailabel_app.lib.models.scoring import build_scoring_methods
from monailabel_app.lib.models.serving import ServedModel
from monailabel_app.lib.models.train import MassTrainTask
from monailabel_app.lib.models.versions import Versions
from monailabel_app.lib.settings import find_announced_host, locate_state, refuse_open_address
from monailabel_app.lib.strategies import build_strategies

PROMPT_CACHE_MIB = 512
"""Of the images that interactive models hold ready: sixteen of full size."""

DESCRIPTION = "Masses in mammograms; research only, not for diagnosis."


class MammosegApp(MONAILabelApp, NamedTasks):
    """Bundles as models over one data source.

    Args:
        app_dir: folder of this app.
        studies: folder, or address of DICOMweb.
        conf: settings of ``--conf``; see docs/label.md.

    Raises:
        WrongCallError: a key or value of `conf` is wrong, or `monailabel start_server` opens an address without login.
    """

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str] | None) -> None:
        conf = conf or {}
        check_keys(conf)
        has_login = monailabel_settings.MONAI_LABEL_AUTH_ENABLE
        host = find_announced_host(sys.argv) or "127.0.0.1"
        refuse_open_address(host, has_login=has_login, insecure=read_yes_or_no(conf, "insecure", False))
        self.state = locate_state(conf)
        device = str(try_device(conf["device"])) if "device" in conf else None
        modalities = read_modalities(conf)
        self.served = {
            name: ServedModel(
                entry,
                Versions(self.state / "models" / name, entry.weights),
                device=device,
                modalities=modalities,
                runtime=conf.get("runtime", AUTO),
                precision=conf.get("precision"),
                flips=read_yes_no_or_recorded(conf, "flips"),
                min_area_mm2=read_number(conf, "min_area_mm2", 0) if "min_area_mm2" in conf else None,
            )
            for name, entry in discover(conf).items()
        }
        most_mib = read_whole_number(conf, "prompt_cache_mib", PROMPT_CACHE_MIB)
        self.preload = read_yes_or_no(conf, "preload", False)
        images = LookedAtImages(most_mib << 20, modalities)
        self.outliners = build_prompted_models(
            images, preload=self.preload, device=device, runtime=conf.get("runtime", AUTO)
        )
        super().__init__(app_dir, studies, conf, name="mammoseg", description=DESCRIPTION, version=__version__)
        self._auto_update_scoring = False  # private, of MONAI Label: it would start processes of its own server

    @property
    def versions(self) -> dict[str, Versions]:
        """Of each model."""
        return {name: model.versions for name, model in self.served.items()}

    def init_datastore(self) -> Datastore:
        return open_datastore(self.studies, self.conf, self.state)

    def init_infers(self) -> dict[str, InferTask]:
        found = {name: MassInferTask(model, preload=self.preload) for name, model in self.served.items()}
        return found | build_prompted_tasks(self.outliners)

    def init_trainers(self) -> dict[str, TrainTask]:
        return {name: MassTrainTask(model, self.state) for name, model in self.served.items()}

    def init_strategies(self) -> dict[str, Strategy]:
        return build_strategies(self.served, self.conf)

    def init_scoring_methods(self) -> dict[str, ScoringMethod]:
        return build_scoring_methods(self.served)

    def init_batch_infer(self) -> BatchInferTask:
        return MassBatchInferTask(lambda name: getattr(self.versions[name].read_current(), "number", None))

    def infer(self, request: dict[str, Any], datastore: Datastore | None = None) -> dict[str, Any]:
        """As MONAI Label's, but an image is an id of the data source, never a path."""
        task = self.infers[request["model"]]
        found = infer(task, request, datastore or self.datastore(), save=bool(request.get("save_label")))
        return {"file": found.file and str(found.file), "label": found.label, "tag": "original", "params": found.params}

    def train(self, request: dict[str, Any], **how: Any) -> Any:
        """As MONAI Label's; `how` is the task's, such as ``is_stopped``."""
        return self.trainers[request["model"]](request, self.datastore(), **how)

    def scoring(self, request: dict[str, Any], datastore: Datastore | None = None, **how: Any) -> Any:
        """As MONAI Label's; see `train`."""
        return self.scoring_methods[request["method"]](request, datastore or self.datastore(), **how)

    def batch_infer(self, request: dict[str, Any], datastore: Datastore | None = None, **how: Any) -> Any:
        """As MONAI Label's; see `train`."""
        return self.batch(request, datastore or self.datastore(), self.infer, **how)

    def info(self) -> dict[str, Any]:
        """As MONAI Label's, with the models that have no weights yet, which ``weights: null`` shows."""
        ready = sorted(self.infers.items(), key=lambda item: not item[1].is_valid())
        return super().info() | {"models": {name: task.info() for name, task in ready}, "labels": ["mass"]}
