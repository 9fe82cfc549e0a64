"""Training on the labels that people saved: in a process of its own, scored, kept as a version, served if not worse."""

import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.train import TrainTask

from mammoseg.checkpoints.checkpoint import read_weights
from mammoseg.checkpoints.converted_file import INT8
from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.data.identifiers import load_key
from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.evaluation.plots import plot_learning_curve
from mammoseg.provenance import PACKAGE_FOLDER
from mammoseg.training.workflow import RECIPES
from monailabel_app.lib.errors import say_places_in
from monailabel_app.lib.models.job_files import LabelSet, TrainJob, deal, read_log, write_labels
from monailabel_app.lib.models.promotion import FEWEST_HELD_OUT, TOLERANCE, Verdict, judge
from monailabel_app.lib.models.serving import ServedModel
from monailabel_app.lib.models.versions import Version
from monailabel_app.lib.params import read_params

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
"""How often a training is asked for its end."""

KEY_FILE = "audit.key"
"""In the state folder: the key of the audit, so that both call an image the same."""


class TrainingError(MammosegError):
    """A training ended without weights."""


class MassTrainTask(TrainTask):
    """Trains one model of the app; one training at a time, the server goes on meanwhile.

    Args:
        model: model that is trained, and served.
        state_dir: state folder of the server.
        overrides: values of the bundle's config, for all trainings.
    """

    def __init__(self, model: ServedModel, state_dir: Path, *, overrides: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"Train {model.entry.description} on the labels that people saved")
        self.model = model
        self.state_dir = state_dir
        self.overrides = dict(overrides or {})
        self._busy = threading.Lock()
        self._progress: dict[str, Any] = {}

    def config(self) -> dict[str, Any]:
        """What a client may set; a list holds the choices, the first of which is taken."""
        return {
            "max_epochs": 20,
            "batch_size": 4,
            "lr": "",
            "recipe": list(RECIPES),
            "tolerance": TOLERANCE,
            "min_held_out": FEWEST_HELD_OUT,
            "from_scratch": False,
        }

    def stats(self) -> dict[str, Any]:
        """Progress with MONAI Label's keys, and the learning curve: the lines of the training log."""
        return {**self._progress, "current": self._find_served_number()}

    def check(self, request: Mapping[str, Any], datastore: Any) -> None:
        """Raise what forbids a training before it begins.

        Raises:
            InputRefusedError: an option is out of range.
            TooFewLabelsError: there is not enough to learn from.
            WrongCallError: it would begin with the mean of several weights, or its outcome could not be served.
            ModelNotReadyError: weights of patches are served.
        """
        self._find_served(self._collect_options(request))
        images = datastore.get_labeled_images()
        labels = [{"image_id": image, "patient_id": datastore.get_patient_group(image)} for image in images]
        deal(labels, **self._load_split())

    def __call__(
        self, request: Mapping[str, Any], datastore: Datastore, *, is_stopped: Callable[[], bool] = lambda: False
    ) -> dict[str, Any]:
        """Train, score, keep, and serve what is not worse.

        Args:
            is_stopped: asked every `POLL_SECONDS` whether to end; the model that is served stays then.
        Returns:
            ``version``, ``promoted`` and ``reason``, with the scores on the held-out images.
        Raises:
            InputRefusedError: an option is out of range.
            WrongCallError: the model is being trained, or as `check`.
            TooFewLabelsError: there is not enough to learn from.
            TrainingError: the training failed or was stopped; nothing has changed then.
        """
        options = self._collect_options(request)
        if not self._busy.acquire(blocking=False):
            raise WrongCallError(f"model '{self.model.entry.bundle}' is being trained; wait for its end, or stop it.")
        try:
            self.model.versions.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._make_runs_folder(), prefix="run-") as folder:
                result = self._train(Path(folder), options, datastore, is_stopped)
            self._progress.update(state="done", **result)
            return result
        except BaseException as error:
            self._progress.update(state="stopped" if is_stopped() else "failed", error=type(error).__name__)
            raise
        finally:
            self._busy.release()

    def draw_learning_curve(self, number: int | None = None) -> bytes:
        """Learning curve of a trained version as PNG; of the last one when None.

        Raises:
            WrongCallError: there is none.
        """
        trained = [n for n in self.model.versions.list_numbers() if n > 0]
        number = trained[-1] if number is None and trained else number
        if number not in trained:
            raise WrongCallError(f"there is no trained version {'yet' if number is None else number}.")
        with tempfile.TemporaryDirectory() as folder:
            log, png = Path(folder) / "metrics.csv", Path(folder) / "curve.png"
            log.write_text(self.model.versions.read_record(number)["log"], encoding="utf-8")
            plot_learning_curve(log, png)
            return png.read_bytes()

    def _train(
        self, folder: Path, options: dict[str, Any], datastore: Any, is_stopped: Callable[[], bool]
    ) -> dict[str, Any]:
        begin = time.time()
        self._progress = {"state": "reading labels", "start_ts": int(begin), "total_epochs": options["max_epochs"]}
        labels = write_labels(datastore.list_human_labels(), folder / "data", **self._load_split())
        job = self._build_job(folder, options, labels)
        result = self._run(job, is_stopped)
        verdict = judge(result, tolerance=options["tolerance"], fewest=options["min_held_out"])
        record = {
            "bundle": self.model.entry.bundle,
            "parent": job.parent,
            "labels": labels.sections,
            "labels_sha256": labels.digest,
            "options": options,
            "seconds": round(time.time() - begin, 1),
            "held_out": {**verdict.facts, "after": result["after"], "before": result["before"]},
            "log": job.log.read_text(encoding="utf-8"),
        }
        return self._keep(job, record, verdict)

    def _keep(self, job: TrainJob, record: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
        versions = self.model.versions
        version = versions.add(job.weights, record, promote=verdict.promote, reason=verdict.reason)
        is_promoted, reason = versions.read_decision(version.number)
        logger.info("Version %d of %s: %s", version.number, job.bundle, reason)
        return {"version": version.number, "promoted": is_promoted, "reason": reason, **verdict.facts}

    def _build_job(self, folder: Path, options: Mapping[str, Any], labels: LabelSet) -> TrainJob:
        served = self._find_served(options)
        weights = None if served is None else str(served.weights)
        batch = min(options["batch_size"], len(labels.sections["training"]))
        lr = {} if options["lr"] is None else {"lr": options["lr"]}
        device = {} if self.model.device is None else {"device": self.model.device}
        return TrainJob(
            bundle=self.model.entry.bundle,
            folder=folder,
            data=folder / "data",
            start_from=None if options["from_scratch"] else weights,
            served=weights,
            parent=None if served is None else served.number,
            recipe=options["recipe"],
            device=self.model.device,
            modalities=self.model.modalities,
            runtime=self.model.runtime,
            precision=self.model.precision,
            flips=self.model.flips,
            overrides={
                **device,
                "preprocessing::modalities": list(self.model.modalities),
                "cache_dir": str(self.state_dir / "models" / "cache"),
                "max_epochs": options["max_epochs"],
                "batch_size": batch,
                **lr,
                **self.overrides,
            },
        )

    def _find_served(self, options: Mapping[str, Any]) -> Version | None:
        """The version that a training is compared with and, unless from scratch, begins with; None where none is."""
        self.model.check_whole_images("trainings on labels")
        if self.model.precision == INT8:
            raise WrongCallError(
                "this server computes with INT8 networks, and what a training makes has none; start it without "
                "--conf precision int8 to train."
            )
        served = self.model.versions.read_current()
        if served is not None:
            served.check()
            if not options["from_scratch"] and _is_mean(served.weights):
                raise WrongCallError(
                    "the mean of several weights is served, with which no training begins; ask for from_scratch."
                )
        return served

    def _run(self, job: TrainJob, is_stopped: Callable[[], bool]) -> dict[str, Any]:
        """Have a process do the job and follow its log."""
        command = [sys.executable, "-m", "monailabel_app.lib.models.train_job", str(job.write()), str(os.getpid())]
        root = str(PACKAGE_FOLDER.parent)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
        output = job.folder / "output.txt"
        with (
            output.open("wb") as file,
            subprocess.Popen(
                command, stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=job.folder
            ) as process,
        ):
            while process.poll() is None:
                if is_stopped():
                    process.kill()
                self._follow(job)
                time.sleep(POLL_SECONDS)
        self._follow(job)
        if is_stopped():
            raise TrainingError("the training was stopped; the model that was served still is.")
        ended = {"error": f"it ended with code {process.returncode}; the model that was served still is."}
        result = job.read_result() if job.result.is_file() else ended
        if "error" in result:
            if places := say_places_in(output.read_text("utf-8", "replace")):
                logger.error("the training of %s failed at %s", job.bundle, places)
            raise TrainingError(f"the training failed: {result['error']}")
        return result

    def _follow(self, job: TrainJob) -> None:
        curve = read_log(job.log)
        scores = [row["val_mean_dice"] for row in curve if "val_mean_dice" in row]
        begin = self._progress["start_ts"]
        self._progress |= {
            "state": "training",
            "epoch": len(curve),
            "best_metric": max(scores, default=None),
            "curve": curve,
            "mean_epoch_seconds": statistics.fmean(row["seconds"] for row in curve) if curve else None,
            "total_time": round(time.time() - begin, 1),
        }

    def _make_runs_folder(self) -> Path:
        """Folder of the running training; what a killed server left in it is removed."""
        folder = self.model.versions.folder / "runs"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        return folder

    def _load_split(self) -> dict[str, Any]:
        """How labels are dealt to sections, see `deal`."""
        return {"key": load_key(self.state_dir / KEY_FILE), "split_file": self.state_dir / "models" / "split.json"}

    def _find_served_number(self) -> int | None:
        version = self.model.versions.read_current()
        return None if version is None else version.number

    def _collect_options(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **dict.fromkeys(self.config()),
            **read_params(self.config(), self.config()),
            **read_params(request, self.config()),
        }


def _is_mean(weights: Path) -> bool:
    """Whether weights are the mean of several, in a folder or in one file; of a file that cannot be read, not."""
    try:
        return weights.is_dir() or "members" in read_weights(weights).network
    except WeightsError:  # whoever trains with it is told
        return False
