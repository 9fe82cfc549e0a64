"""A label app without a network and without a data source on disk, for tests of the HTTP layer."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from monailabel.interfaces.exception import ImageNotFoundException, LabelNotFoundException

from mammoseg.errors import InputRefusedError

IMAGE = "1.2.826.0.1.3680043.8.498.1"


class FakeStore:
    """Images and labels as files of a folder; `calls` holds what reached it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[tuple[Any, ...]] = []
        self.labels: dict[tuple[str, str], Path] = {}
        self.work = SimpleNamespace(begin=lambda image, user: None, on_saved=None)
        self.info: dict[str, dict[str, Any]] = {IMAGE: {}}
        (folder / "image.dcm").write_bytes(b"pixels")

    def get_image_uri(self, image: str) -> str:
        self.calls.append(("image", image))
        if image != IMAGE:
            raise ImageNotFoundException(f"no {image} in {self.folder}")
        return str(self.folder / "image.dcm")

    def get_label_uri(self, label: str, tag: str) -> str:
        if (label, tag) not in self.labels:
            raise LabelNotFoundException(f"no {label} in {self.folder}")
        return str(self.labels[label, tag])

    def save_label(self, image: str, file: str, tag: str, info: dict[str, Any]) -> str:
        self.get_image_uri(image)
        content = Path(file).read_bytes()
        if content == b"not an image":
            raise InputRefusedError("E_NOT_A_LABEL", f"{file} is none.")
        kept = self.folder / f"{tag}{''.join(Path(file).suffixes)}"
        kept.write_bytes(content)
        self.labels[image, tag] = kept
        self.calls.append(("save", image, tag, info))
        return image

    def add_image(self, image: str, file: str, info: dict[str, Any]) -> str:
        self.calls.append(("add", image, Path(file).name))
        return image or IMAGE

    def get_image_info(self, image: str) -> dict[str, Any]:
        self.get_image_uri(image)
        return dict(self.info[image])

    def update_image_info(self, image: str, info: dict[str, Any]) -> None:
        self.info[image] |= info

    def change_image_info(self, image: str, key: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.info[image][key] = change(self.info[image].get(key, {}))

    def get_label_info(self, label: str, tag: str) -> dict[str, Any]:
        self.get_label_uri(label, tag)
        return {}

    def update_label_info(self, label: str, tag: str, info: dict[str, Any]) -> None:
        self.calls.append(("label info", label, tag, info))

    def propose_original(self, image: str, user: str) -> None:
        self.calls.append(("propose original", image, user))

    def get_labeled_images(self) -> list[str]:
        return [image for image, tag in self.labels if tag == "final"]

    def get_dataset_archive(self, limit_cases: int | None) -> str:
        path = self.folder / "dataset.zip"
        path.write_bytes(b"patients")
        return str(path)

    def json(self) -> dict[str, Any]:
        return {"objects": {IMAGE: {}}}

    def close(self) -> None:
        pass

    def status(self) -> dict[str, int]:
        return {"total": 1, "completed": len(self.get_labeled_images())}


class FakeModel:
    """Writes the bytes of a mask; `run` may be replaced."""

    description = "a fake"
    warning = None
    prompts = ()

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.run = lambda: None

    def __call__(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        self.requests.append(request)
        self.run()
        suffix = request.get("result_extension", ".nii.gz")
        with tempfile.NamedTemporaryFile(suffix=suffix, delete=False) as file:
            file.write(b"mask of " + Path(request["image"]).read_bytes())
        return file.name, {"label_names": {"mass": 1}}

    def check(self, request: dict[str, Any], datastore: Any) -> None:
        pass

    def encode_segmentation(self, image: Path, request: dict[str, Any]) -> bytes:
        return b"SEG of " + Path(image).read_bytes()

    def config(self) -> dict[str, Any]:
        return {"threshold": ""}

    def info(self) -> dict[str, Any]:
        return {"type": "segmentation"}

    def draw_learning_curve(self, version: int | None) -> bytes:
        return b"PNG of the last" if version is None else b"PNG of one"

    def stats(self) -> dict[str, Any]:
        return {"epoch": 1}


class FakeVersions:
    """Two versions, the second served."""

    def __init__(self) -> None:
        self.number = 2

    def read_current(self) -> Any:
        return SimpleNamespace(number=self.number)

    def promote(self, number: int, *, reason: str) -> Any:
        self.number = number
        return self.read_current()

    def roll_back(self, *, reason: str) -> Any:
        self.number -= 1
        return self.read_current()

    def read_history(self) -> dict[str, Any]:
        return {"current": self.number}


class FakeApp:
    """What the HTTP layer uses of `MammosegApp`."""

    def __init__(self, folder: Path, studies: str = "/studies") -> None:
        self.studies = studies
        self.store = FakeStore(folder)
        self.model = FakeModel()
        self.infers = self.trainers = {"unet": self.model}
        self.strategies = {"random": lambda request, store: {"id": IMAGE, "path": "/secret"}}
        self.outliners: dict[str, Any] = {}
        self.scoring_methods = {"dice": lambda request, store: {"mean": 1.0}}
        self.batch = SimpleNamespace(progress={"done": 1})
        self.versions = {"unet": FakeVersions()}
        self.train = lambda request, is_stopped: {"trained": request["model"]}
        self.batch_infer = lambda request, is_stopped: {"images": request["images"]}

    def datastore(self) -> FakeStore:
        return self.store

    def scoring(self, request: dict[str, Any], is_stopped: Callable[[], bool]) -> Any:
        return self.scoring_methods[request["method"]](request, self.store)

    def info(self) -> dict[str, Any]:
        return {"name": "fake", "models": {"unet": self.model.info()}}
