"""`tests/` mirrors the package: a test file is named after its module, or a table says what it holds for."""

from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent

NO_MODULE = {
    "archives/dicomweb/test_faults.py": "an archive that fails, whatever is asked of it",
    "archives/dicomweb/test_orthanc.py": "all of the client, with a real archive",
    "archives/dicomweb/test_other_archives.py": "all of the client, with other kinds of archives",
    "archives/test_predict_archive.py": "`predict` from an archive to an archive",
    "deploy/test_metadata.py": "MONAI's own checks, over all bundles",
    "deploy/test_wheel.py": "the wheel",
    "dicom/test_series.py": "all objects of a study, as an archive lists them",
    "dicom/test_shown_objects.py": "secondary capture and presentation state alike",
    "fuzz": "damaged files, through everything that reads",
    "hostile": "hostile files, through everything that reads",
    "interactive/test_without_weights.py": "all interactive models that have no weights",
    "kill": "programs killed at random moments",
    "label/clients": "browsers, 3D Slicer and scripts before the whole server",
    "label/datastore/test_kill.py": "a server killed between two steps of a save",
    "label/datastore/test_trouble.py": "poison, a full disk, two clients: the whole room",
    "label/models/test_end_to_end.py": "from a saved label to a training",
    "label/server/test_requests.py": "what every route refuses",
    "label/server/test_roles.py": "the role that every route asks for",
    "losses/test_class_losses.py": "both losses over classes",
    "losses/test_recipe_losses.py": "losses as the recipes build them",
    "networks/test_architectures.py": "what holds for every network",
    "networks/test_overfit.py": "every network learns",
    "prediction/test_boxes.py": "`predict --boxes`, through the whole room",
    "prediction/test_opens.py": "files opened by a run and its children",
    "training/test_mammoseg2026.py": "our own recipe",
    "training/test_several_processes.py": "trainings of several processes",
    "training/test_window.py": "a window of grey values, from `ingest` to `predict`",
    "viewer/test_ohif.py": "the viewer in a browser, before an archive",
}
"""Test files and folders that hold for more than one module, with what they hold for."""


def is_mirrored(test: Path) -> bool:
    """Whether a test file lies where its module lies, by that module's name, its room's, or one that begins with it."""
    room, *below = test.parent.parts
    folder = ROOT.joinpath(*(("monailabel_app", "lib") if room == "label" else ("mammoseg", room)), *below)
    words = test.stem.removeprefix("test_").split("_")
    names = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
    return folder.name == names[-1] or any((folder / f"{name}.py").is_file() for name in names)


def test_every_test_file_of_a_room_is_named_after_a_module_or_says_what_it_holds_for():
    files = [path.relative_to(TESTS) for path in TESTS.glob("*/**/test_*.py")]
    wrong = [
        str(file)
        for file in sorted(files)
        if not is_mirrored(file) and not any(str(place) in NO_MODULE for place in (file, *file.parents))
    ]
    assert files and not wrong, f"rename these after their module: {wrong}"


def test_the_table_names_only_what_is_there_and_has_no_module():
    for name in NO_MODULE:
        path = TESTS / name
        assert path.exists(), f"{name} is gone; take its line out"
        inside = [path] if path.is_file() else list(path.rglob("test_*.py"))
        mirrored = [str(file) for file in inside if is_mirrored(file.relative_to(TESTS))]
        assert len(mirrored) < len(inside), f"{name} is named after a module; take its line out"
