"""The commands of `mammoseg`: each declares its arguments, and names the function that does the work.

A command adds its arguments by `add`, the ``add_argument`` of an argparse parser; its docstring is its help. What a
call leaves out keeps the default of the function (in brackets in the help), which is imported only when it is called.
"""

from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mammoseg.errors import WrongCallError
from mammoseg.quick_import import quick_imports

Add = Callable[..., Any]
Runner = Callable[..., Any]

OUTPUTS = ("output", "output_dir", "ckpt_dir", "cache_dir")
"""Options that name a folder to write to."""

OWN_FILES = ("map_file", "key_file")
"""Options that name a file to write, or to go on with."""

WEIGHTS = ("weights", "start_from")
"""Options that name a checkpoint."""

READ = (*WEIGHTS, "dataset_dir", "evaluation_dir", "masks", "table", "ca_bundle")
"""Options that name what is read."""

CHOOSING = ("study", "patient", "date", "user", "name", "title")
"""Options that choose or name something; an empty one would stand for everything, or for none."""

FILES = "files, or folders that are searched with their sub-folders"


def ingest(add: Add) -> Runner:
    """Turn a collection of mammograms into a datalist.json with a patient-grouped split."""
    add("source", help="phantom, folder, cbis_ddsm, inbreast, dicom_seg, mias, vindr, csaw_s, cdd_cesm or voc")
    add("inputs", nargs="*", metavar="FOLDER", help="to read; none for phantom")
    _output(add, "folder of the datalist and of what has to be written beside it")
    add("--seed", type=_whole, help="of the split, and of the phantoms (0)")
    add(
        "--folds",
        type=_from_two,
        help="of the cross-validation over training and validation (5, or one for each patient)",
    )
    add("--shares", type=_shares, help="of training,validation,test, each from 0 (0.7,0.15,0.15)")
    add("--all", dest="all_in", metavar="SECTION", help="every image into one: test, or training for folds over all")
    add("--by", help="what is never divided: patient, or image, which lets patients stand on both sides (patient)")
    add("--protocol", help="split of a paper: sun2020, sarker2022, isosalo2022 or official; docs/datalist.md")
    add("--name", help="of the datalist (the source)")
    add("--keep_identifiers", action="store_true", help="write patient codes as they are, not as keyed hashes")
    add("--show_names", action="store_true", help="show paths in the input beside the hashes, in tables and pages too")
    add("--key_file", help="secret key of those hashes (made once in your configuration folder)")
    add("--patients", type=_whole, help="phantom: how many (24)")
    add("--size", type=_whole, help="phantom: rows of an image (512)")
    add("--patient_regex", help="folder: its one group is the patient's code in the path")
    add("--masks", help="folder: where the masks lie, if not among the images")
    add("--mask_regex", help="folder: its one group is the image's name, without ending, in the path of a mask")
    add("--table", help="folder: CSV with a column image and facts, docs/datasets/folder.md")
    add("--large_masks", action="store_true", help="folder: let masks in that cover more than half of their image")
    add("--calcifications", action="store_true", help="cbis_ddsm: take views that show calcifications only, too")

    def target() -> Runner:
        from mammoseg.data.ingest import ingest

        return ingest

    run = _later(target)
    return lambda *inputs, source, **options: run(source, *inputs, **options)


def train(add: Add) -> Runner:
    """Train a bundle; the same call continues a run that ended. Other options override its config, docs/training.md."""
    _bundle(add)
    _dataset(add)
    add("--recipe", help="paper, of the bundle, or common, the same for all bundles (paper)")
    add("--start_from", help="checkpoint whose weights, network and preprocessing the training starts with")

    def target() -> Runner:
        from mammoseg.training.workflow import train

        return train

    return _later(target)


def evaluate(add: Add) -> Runner:
    """Score held-out images: per_image.csv and a summary. Other options override the config: docs/training.md."""
    _bundle(add)
    _dataset(add)
    _weights(add)

    def target() -> Runner:
        from mammoseg.training.workflow import evaluate

        return evaluate

    return _later(target)


def calibrate(add: Add) -> Runner:
    """Choose threshold and calibration of weights anew on your own labelled images, no training; docs/weights.md."""
    _bundle(add)
    _dataset(add)
    _weights(add)
    _output(add, "folder of the new weights, a report and a picture; --weights takes it")
    add("--section", help="of the datalist: training, validation or test (validation)")
    add("--flips", type=_switch, help="true or false: mean with the image upside down (as the weights record it)")
    add("--device", help="such as cpu or cuda:0 (the best there is)")

    def target() -> Runner:
        from mammoseg.evaluation.calibrate import calibrate

        return calibrate

    return _later(target)


def report(add: Add) -> Runner:
    """Write the page of an evaluated run: scores, learning curve, best, median and worst case, baseline."""
    add("evaluation_dir", help="folder with the metrics.csv of training and the per_image.csv of evaluating")
    _dataset(add)
    add("--weights", required=True, help="checkpoint that was evaluated")
    _output(add, "folder of the page")
    add("--bundle", help="of the weights (that of the evaluation)")
    add("--title", help="heading of the page (Mass segmentation, held-out patients)")
    add("--cases", type=_from_one, help="how many images to show (12)")

    def target() -> Runner:
        from mammoseg.evaluation.run_report import report

        return report

    return _later(target)


def compare(add: Add) -> Runner:
    """Compare evaluations of the same images: table, confidence intervals, Wilcoxon signed-rank tests, box plot."""
    add("inputs", nargs="*", metavar="EVALUATION", help="two or more folders that evaluate wrote, or per_image.csv")
    _output(add, "folder of tables, plots, report.html and report.json")
    add("--speed", metavar="JSON", help="what scripts/benchmark.py networks --json wrote, for speed against Dice")

    def target() -> Runner:
        from mammoseg.evaluation.compare import compare

        return compare

    return _later(target)


def predict(add: Add) -> Runner:
    """Segment masses in mammograms: DICOM SEG and SR, overlay pictures, results.csv and index.html; docs/predict.md."""
    add("inputs", nargs="*", metavar="INPUT", help=FILES)
    _output(add, "folder of the results; the same call again does only what is not done yet")
    add("--bundle", help="architecture; `mammoseg list` names them (the one with weights)")
    _weights(add)
    add("--objects", help="DICOM objects to write, of seg,sr,cad_sr,sc,gsps (seg,sr)")
    add("--segmentation", help="binary, fractional or labelmap (binary)")
    add("--profile", help="of the segmentation: viewer or strict (viewer)")
    add("--deflated", action="store_true", help="compress the segmentation, for programs that open it, docs/dicom.md")
    add("--no_empty_seg", action="store_true", help="no segmentation where nothing was found; the report says it")
    add("--threshold", type=_number, help="probability from which a pixel is mass (of the weights, else the bundle)")
    add("--flips", type=_switch, help="true or false: mean with the image upside down (as the weights record it)")
    add("--min_area_mm2", type=_number, help="smallest mass, in the breast")
    add("--min_area_pixels", type=_number, help="smallest mass, in pixels")
    _modalities(add)
    add("--device", help="such as cpu or cuda:0 (the best there is)")
    add("--runtime", help="what computes the network: openvino, onnx or torch, docs/speed.md (auto)")
    add("--precision", help="f32, bf16 or f16, where the runtime has it (f32; f16 on a GPU)")
    add("--workers", type=_from_one, help="processes (one for each core)")
    add("--json", action="store_true", help="print one JSON record a file")
    add("--from", dest="archive", metavar="URL", help="DICOMweb archive to read from, docs/dicomweb.md")
    add("--study", help="to read from the archive: Study Instance UID")
    add("--patient", help="to read from the archive: Patient ID, * and ? as wildcards")
    add("--date", help="to read from the archive: 20240131, or a range 20240101-20240131")
    add(
        "--stow", metavar="URL", help="archive to store the results to: https://host/dicom-web or dicom://AET@host:port"
    )
    _login(add)

    def target() -> Runner:
        from mammoseg.prediction.predict import predict

        return predict

    return _later(target)


def send(add: Add) -> Runner:
    """Store DICOM files, such as results, in an archive: DICOMweb (STOW-RS) or C-STORE; docs/dicomweb.md."""
    add("inputs", nargs="*", metavar="FILE", help=FILES)
    add("--to", required=True, metavar="URL", help="https://[user@]host/dicom-web or dicom://AET@host:port")
    _login(add)
    add("--verify", action="store_true", help="fetch each instance again and compare; DICOMweb only")
    add("--calling_aet", help="our own title for C-STORE (MAMMOSEG)")
    add("--json", dest="as_json", action="store_true", help="print one JSON record a file")

    def target() -> Runner:
        from mammoseg.archives.send import send

        return send

    return _later(target)


def deidentify(add: Add) -> Runner:
    """Write DICOM mammograms without what names their patient; the way back goes to a file for its owner only."""
    add("inputs", nargs="*", metavar="INPUT", help=FILES)
    _output(add, "folder for the files, each named by its new SOP Instance UID")
    add("--map_file", help="the way back (in your configuration folder)")
    add("--key_file", help="secret key of the new names (made once in your configuration folder)")
    _modalities(add)

    def target() -> Runner:
        from mammoseg.deidentification.deidentify import deidentify

        return deidentify

    return _later(target)


def export(add: Add) -> Runner:
    """Write a bundle with its weights as a folder that runs without this repository, and a zip of it."""
    _bundle(add)
    add("--weights", help="checkpoint, with its network and preprocessing (what train wrote, else what came with it)")
    _output(add, "new folder; gets BUNDLE/ and BUNDLE.zip")
    add("--formats", type=_words, help="also the network as torchscript,torch_export,onnx, docs/export.md")

    def target() -> Runner:
        from mammoseg.deploy.export import export

        return export

    run = _later(target)

    def print_both(bundle: str, **options: Any) -> None:
        folder = run(bundle=bundle, **options)
        print(folder, f"{folder}.zip", sep="\n")

    return print_both


def bundle(add: Add) -> Runner:
    """Write the configs of a bundle to a folder of yours, to edit them and to run them by MONAI's own command."""
    _bundle(add)
    _output(add, "new folder; gets configs/ and docs/, and models/ and eval/ when it is trained")

    def target() -> Runner:
        from mammoseg.deploy.copy_bundle import copy_bundle

        return copy_bundle

    run = _later(target)
    return lambda bundle, **options: print(run(bundle=bundle, **options))


def audit(add: Add) -> Runner:
    """Look through somebody else's bundle without running anything of it; exit code 1 when something was found."""
    add("bundle", metavar="BUNDLE", help="folder, or zip of one")
    add("--allow", type=_words, help="SHA-256 of files that you have read and let in, with commas between them")
    add("--json", dest="as_json", action="store_true", help="print one JSON object")

    def target() -> Runner:
        from mammoseg.audit.audit import audit

        return audit

    run = _later(target)
    return lambda bundle, **options: run(bundle, **options)


def audit_split(add: Add) -> Runner:
    """Find patients, breasts and pictures in two sections of a split; exit code 1 if any are. docs/audit_split.md."""
    add("inputs", nargs="*", metavar="FILE", help="datalist.json, or CSV with a row an image; several are one split")
    add("--image", metavar="COLUMN", help="of a CSV: path of the image (image)")
    add("--patient", metavar="COLUMN", help="of a CSV: code of the patient (patient)")
    add("--split", metavar="COLUMN", help="of a CSV: the section (split)")
    add("--side", metavar="COLUMN", help="of a CSV: side of the breast")
    add("--official", help="collection of a CSV, whose official test patients are looked for in training: cbis_ddsm")
    add("--no_pixels", action="store_true", help="compare codes only, open no image")
    add("--details", metavar="CSV", help="to write: every image that is concerned")
    add("--json", dest="as_json", action="store_true", help="print one JSON object")

    def target() -> Runner:
        from mammoseg.data.split_audit import audit_split

        return audit_split

    return _later(target)


def view(add: Add) -> Runner:
    """Look at mammograms and their results in OHIF on this machine, until Ctrl-C; needs `make viewer` and Orthanc."""
    add("inputs", nargs="*", metavar="FILE", help=FILES)
    add("--port", type=_whole, help="of the page, on loopback (8080)")

    def target() -> Runner:
        from mammoseg.viewer.show import view

        return view

    return _later(target)


def list_bundles(add: Add) -> Runner:
    """List the bundles: name, paper, parameters, input (channels, rows, columns) and recipe."""
    add("--json", action="store_true", help="print a JSON list instead of a table")
    return _print_bundles


def _print_bundles(*, json: bool = False) -> None:
    from mammoseg.cards.listing import as_json, as_table, list_cards

    print((as_json if json else as_table)(list_cards()))


def _output(add: Add, text: str) -> None:
    add("-o", "--output", required=True, metavar="DIR", help=text)


def _bundle(add: Add) -> None:
    add("bundle", help="architecture; `mammoseg list` names them")


def _weights(add: Add) -> None:
    add(
        "--weights",
        action="append",
        help="checkpoint, with its network and preprocessing; given several times, or a folder of several: the mean of "
        "their probabilities (what train wrote, else what came with it)",
    )


def _dataset(add: Add) -> None:
    add("--dataset_dir", required=True, metavar="DIR", help="folder of the datalist.json")


def _modalities(add: Add) -> None:
    add("--modalities", type=_words, help="DICOM modalities to let in, such as MG,RG (MG)")


def _login(add: Add) -> None:
    add("--user", help="at the archive; passwords never stand here")
    add("--ca_bundle", metavar="FILE", help="certificates of the authority that signed the archive's own")


def _later(target: Callable[[], Runner]) -> Runner:
    """The function that `target` imports, imported when it is called and what was named is there."""

    def run(*inputs: str, **options: Any) -> Any:
        _check_given(inputs, options)
        _check_names(**options)
        with quick_imports():
            work = target()
        return work(*inputs, **options)

    return run


def _check_given(inputs: Sequence[str], options: Mapping[str, Any]) -> None:
    """An empty name, as a script gives for a variable that is not set, would stand for the folder it was started in."""
    if "" in inputs:
        raise WrongCallError("an input is ''; name a file or folder.")
    if empty := [
        name for name in (*OUTPUTS, *OWN_FILES, *READ) if "" in (given := options.get(name), *_several(given))
    ]:
        raise WrongCallError(f"{empty[0]} is ''; name a file or folder.")
    if empty := [name for name in CHOOSING if options.get(name) == ""]:
        raise WrongCallError(f"{empty[0]} is ''; give a value, or leave it out.")


def _check_names(*, bundle: str | None = None, **others: Any) -> None:
    """What is named wrong is said before torch is imported, which takes seconds."""
    from mammoseg.bundles import bundle_root
    from mammoseg.checkpoints.weights_file import existing_weights, named_weights
    from mammoseg.files import check_folder

    for folder in (others[name] for name in OUTPUTS if name in others):
        check_folder(Path(str(folder)))
    map_file, key_file = (others.get(name) for name in OWN_FILES)
    if map_file is not None and map_file == key_file:
        raise WrongCallError(f"map_file and key_file are both '{map_file}'; name two files.")
    for file in (Path(others[name]) for name in OWN_FILES if name in others):
        if file.is_dir():
            raise WrongCallError(f"'{file}' is a folder; name a file.")
        check_folder(file.parent)
    if bundle is not None:
        bundle_root(bundle)
    for weights in (others[name] for name in WEIGHTS if others.get(name) is not None):
        named_weights(weights) if isinstance(weights, list) else existing_weights(weights)


def _several(given: Any) -> list[Any]:
    """Values of an option that may be given several times."""
    return given if isinstance(given, list) else []


def _words(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(","))
    if not all(words):
        raise ArgumentTypeError(f"'{text}' is no list of words with commas between them")
    return words


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError(f"'{text}' is no number") from None


def _shares(text: str) -> tuple[float, ...]:
    shares = tuple(map(_number, text.split(",")))
    if len(shares) != 3:
        raise ArgumentTypeError(f"'{text}' are {len(shares)} numbers; give three, of training,validation,test")
    return shares


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ArgumentTypeError(f"'{text}' is neither true nor false")
    return text.lower() == "true"


def _from_one(text: str) -> int:
    return _from(1, text)


def _from_two(text: str) -> int:
    return _from(2, text)


def _from(least: int, text: str) -> int:
    number = _whole(text)
    if number < least:
        raise ArgumentTypeError(f"'{text}' is too few; give {least} or more")
    return number


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"'{text}' is no whole number from 0")
    return int(text)


COMMANDS: dict[str, Callable[[Add], Runner]] = {
    "ingest": ingest,
    "train": train,
    "evaluate": evaluate,
    "calibrate": calibrate,
    "report": report,
    "compare": compare,
    "predict": predict,
    "send": send,
    "deidentify": deidentify,
    "export": export,
    "bundle": bundle,
    "audit": audit,
    "audit-split": audit_split,
    "view": view,
    "list": list_bundles,
}
