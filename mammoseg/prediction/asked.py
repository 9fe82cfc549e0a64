"""What a call of `predict` or `cohort` asks for, looked at before anything is loaded: predictor, inputs, archives."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mammoseg.allocator import keep_freed_memory
from mammoseg.checkpoints.weights_file import Named, choose_default_bundle, choose_default_weights
from mammoseg.counts import format_count
from mammoseg.data.find_images import say_no_file
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.dicom.own_voi import read_own_voi
from mammoseg.errors import NothingUsableError, WrongCallError
from mammoseg.files import as_printable, is_neither_file_nor_folder, say_neither
from mammoseg.folders import is_file, is_folder
from mammoseg.inference.engines.engine import check_engine
from mammoseg.mammogram import list_modalities
from mammoseg.prediction.file_job import MassPredictor
from mammoseg.prediction.table import Row, Status
from mammoseg.quick_import import quick_imports

if TYPE_CHECKING:
    from mammoseg.inference.ensemble import MeanPredictor
    from mammoseg.inference.predictor import Predictor
    from mammoseg.prediction.box_table import BoxTable


@dataclass(frozen=True)
class PredictorChoice:
    """How each process makes ready and makes its predictor; see `mammoseg.inference.predictor.Predictor`."""

    bundle: str
    weights: tuple[Path, ...]
    device: str | None
    modalities: tuple[str, ...]
    flips: bool | None
    runtime: str
    precision: str | None
    voi: str | None = None
    boxes: "BoxTable | None" = None

    def __call__(self) -> MassPredictor:
        keep_freed_memory()
        how: dict[str, Any] = {
            "device": self.device,
            "modalities": self.modalities,
            "flips": self.flips,
            "runtime": self.runtime,
            "precision": self.precision,
            "voi": self.voi,
            "with_boxes": self.boxes is not None,
        }
        predictor = self._load(how)
        if self.boxes is None:
            return predictor
        from mammoseg.prediction.box_table import BoxedPredictor  # needed by few

        return BoxedPredictor(predictor, self.boxes)

    def list_without_effect(self, rows: Iterable[Row], algorithm: Algorithm) -> list[str]:
        """Sentences on what was asked for and had no effect on some images of a run, or on all.

        Args:
            rows: those of the run; with boxes they are a sequence, else gone through once.
            algorithm: what drew the masses.
        """
        said: list[str | None] = []
        if self.voi is not None and self.voi not in (algorithm.voi or "").split(","):  # a mean has those of its members
            said.append("--window had no effect on weights that keep the grey values of their training.")
        elif self.voi is not None:
            said.append(_say_pictures(rows))
        if self.boxes is not None:
            said.append(self.boxes.say_unused(rows))
        return [sentence for sentence in said if sentence]

    def _load(self, how: Mapping[str, Any]) -> "Predictor | MeanPredictor":
        (one, *more) = self.weights
        if more or is_folder(one):
            with quick_imports():
                from mammoseg.inference.ensemble import load_predictor
            return load_predictor(self.bundle, weights=self.weights, **how)
        with quick_imports():
            from mammoseg.inference.predictor import Predictor
        return Predictor(bundle=self.bundle, weights=one, **how)


def choose_predictor(
    bundle: str | None,
    weights: Named | None,
    *,
    device: str | None,
    modalities: str | Sequence[str],
    flips: bool | None,
    runtime: str,
    precision: str | None,
    window: str | None,
    boxes: str | Path | None = None,
) -> PredictorChoice:
    """The predictor that a call asks for, with the bundle and weights that are taken where none are named.

    Args:
        bundle: name of the network; see `mammoseg.prediction.predict.predict` for this and the others.

    Raises:
        WrongCallError: an unknown bundle, precision, device or runtime, a window without meaning, or no table of boxes.
        WeightsError: the bundle has no weights.
    """
    check_engine(runtime, device=device, precision=precision)
    voi = None if window is None else read_own_voi(window)
    table = None
    if boxes is not None:
        from mammoseg.prediction.box_table import read_boxes  # needed by few

        table = read_boxes(Path(boxes))
    bundle = bundle or choose_default_bundle()
    named = choose_default_weights(bundle) if weights is None else weights
    paths = (Path(named),) if isinstance(named, str | Path) else tuple(map(Path, named))
    words = list_modalities(modalities)
    return PredictorChoice(bundle, paths, device, words, flips, runtime, precision, voi, table)


def _say_pictures(rows: Iterable[Row]) -> str | None:
    kinds = Counter(row.is_of_picture for row in rows if row.status is not Status.REFUSED)
    if not (pictures := kinds[True]):
        return None
    images = format_count(kinds.total(), "image")
    return f"--window had no effect on {pictures} of {images}: they are no DICOM files, which alone it is for."


def print_loading(choice: PredictorChoice, files: int, *, is_named: bool, earlier: Path) -> None:
    """Print on stderr what is loaded, since it can take a minute.

    Args:
        files: number of files to look at; 0 where they are not counted yet, as those of an archive.
        is_named: whether the weights were named.
        earlier: what an earlier run of the same output folder has left of what it did; what is done is known only by
            the weights, of which the hash counts.
    """
    if not is_named:
        print(f"No weights are named; {choice.weights[0]} is used.", file=sys.stderr)
    here = f"{format_count(files, 'file')} to look at; " if files else ""
    why = " to see what is done already" if earlier.exists() else ""
    print(f"{here}loading {choice.bundle}{why}, which can take a minute.", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Archives:
    """Where a call reads from and stores to beside files; see `mammoseg.prediction.predict.predict`."""

    archive: str | None
    stow: str | None
    user: str | None
    ca_bundle: str | None
    study: str | None
    patient: str | None
    date: str | None

    @property
    def selection(self) -> dict[str, str | None]:
        """What is chosen from the archive, as `mammoseg.archives.dicomweb.fetch.fetch_studies` takes it."""
        return {"study": self.study, "patient": self.patient, "date": self.date}

    @property
    def login(self) -> dict[str, Any]:
        """Name and certificates, as every function of `mammoseg.archives` takes them."""
        return {"user": self.user, "ca_bundle": self.ca_bundle}

    @property
    def login_to_store(self) -> dict[str, Any]:
        """What the store is given of the login: C-STORE has none."""
        return {} if self.archive and str(self.stow).startswith("dicom://") else self.login

    @property
    def stow_root(self) -> str | None:
        """Address of the archive that is stored in, without who stores and without trailing slash."""
        if self.stow is None or self.stow.startswith("dicom://"):  # where the title before the @ is the archive's
            return self.stow
        return re.sub("//[^/]*@", "//", self.stow).rstrip("/")

    def check(self, inputs: Sequence[Path]) -> None:
        """Look at what is named before any work is done.

        Args:
            inputs: files and folders that the call names.

        Raises:
            WrongCallError: neither a file nor an archive, something is chosen from no archive, an address is none, or
                a login has no archive or no password.
        """
        if not inputs and self.archive is None:
            raise WrongCallError("no input is named; give mammograms or folders of them, or an archive with --from.")
        if any(self.selection.values()) and self.archive is None:
            raise WrongCallError("--study, --patient and --date choose from an archive; name it with --from.")
        if any(self.login.values()) and self.archive is None and self.stow is None:
            raise WrongCallError("--user and --ca_bundle are for an archive; name it with --from or --stow.")
        for address, login in ((self.archive, self.login), (self.stow, self.login_to_store)):
            if address is not None:
                from mammoseg.archives.send import check_address  # needed by few

                check_address(address, **login)


def check_inputs(inputs: Sequence[Path], found: Iterable[Path], passed_over: int) -> None:
    """Whether there is a single file to look at, before anything is loaded or any folder made.

    Args:
        inputs: files and folders as they were named.
        found: files that they hold.
        passed_over: number of files that are no images.

    Raises:
        NothingUsableError: there is none; the text says why.
    """
    if not any(map(is_file, found)):
        others = [path for path in inputs if not is_folder(path) and not is_file(path)]
        raise NothingUsableError(_say_no_input(others[0]) if others else say_no_file(passed_over))


def _say_no_input(path: Path) -> str:
    if is_neither_file_nor_folder(path):
        return say_neither(path)
    return f"there is no file '{as_printable(path)}'; check the path."
