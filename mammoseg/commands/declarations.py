"""The commands of `mammoseg`: each declares its arguments, and names the function that does the work.

Its docstring is its help. What a call leaves out keeps the default of the function (in brackets in the help). What
stands behind a ``yield`` is imported only when the command is called; `mammoseg.commands.COMMANDS` lists all by name.
"""

from collections.abc import Sequence
from functools import wraps
from typing import Any

from mammoseg.commands import values
from mammoseg.commands.command import Add, Steps, command
from mammoseg.quick_import import quick_imports

FILES = "files, or folders that are searched with their sub-folders"


@command
def ingest(add: Add) -> Steps:
    """Turn a collection of mammograms into a datalist.json with a patient-grouped split."""
    add("source", help="phantom, folder, cbis_ddsm, inbreast, dicom_seg, mias, vindr, csaw_s, cdd_cesm or voc")
    add("inputs", nargs="*", metavar="FOLDER", help="to read; none for phantom")
    _add_output(add, "folder of the datalist and of what has to be written beside it")
    add("--seed", type=values.parse_whole, help="of the split, and of the phantoms (0)")
    add(
        "--folds",
        type=values.parse_from_two,
        help="of the cross-validation over training and validation (5, or one for each patient)",
    )
    add("--shares", type=values.parse_shares, help="of training,validation,test, each from 0 (0.7,0.15,0.15)")
    add("--all", dest="all_in", metavar="SECTION", help="every image into one: test, or training for folds over all")
    add("--by", help="what is never divided: patient, or image, which lets patients stand on both sides (patient)")
    add("--protocol", help="split of a paper: sun2020, sarker2022, isosalo2022 or official; docs/datalist.md")
    add("--test_patients", metavar="FILE", help="codes of the patients who are the test section, one a line")
    add("--name", help="of the datalist (the source)")
    _add_window(add)
    add("--keep_identifiers", action="store_true", help="write patient codes as they are, not as keyed hashes")
    add("--show_names", action="store_true", help="show paths in the input beside the hashes, in tables and pages too")
    add("--key_file", help="secret key of those hashes (made once in your configuration folder)")
    add("--patients", type=values.parse_whole, help="phantom: how many (24)")
    add("--size", type=values.parse_whole, help="phantom: rows of an image (512)")
    add("--patient_regex", help="folder: its one group is the patient's code in the path")
    add("--masks", help="folder: where the masks lie, if not among the images")
    add("--mask_regex", help="folder: its one group is the image's name, without ending, in the path of a mask")
    add("--table", help="folder: CSV with a column image and facts, docs/datasets/folder.md")
    add("--large_masks", action="store_true", help="folder: let masks in that cover more than half of their image")
    add("--calcifications", action="store_true", help="cbis_ddsm: take views that show calcifications only, too")

    yield
    from mammoseg.data.ingest import ingest

    @wraps(ingest)
    def run(*inputs: str, source: str, **options: Any) -> None:
        ingest(source, *inputs, **options)

    return run


@command
def train(add: Add) -> Steps:
    """Train a bundle; the same call continues a run that ended. Other options override its config, docs/training.md."""
    _add_bundle(add)
    _add_dataset(add)
    add("--recipe", help="paper, of the bundle, or common, the same for all bundles (paper)")
    add("--start_from", help="checkpoint whose weights, network and preprocessing the training starts with")

    yield
    from mammoseg.training.workflow import train

    return train


@command
def evaluate(add: Add) -> Steps:
    """Score held-out images: per_image.csv and a summary. Other options override the config: docs/training.md."""
    _add_bundle(add)
    _add_dataset(add)
    _add_weights(add)

    yield
    from mammoseg.training.workflow import evaluate

    return evaluate


@command
def calibrate(add: Add) -> Steps:
    """Choose threshold and calibration of weights anew on your own labelled images, no training; docs/weights.md."""
    _add_bundle(add)
    _add_dataset(add)
    _add_weights(add)
    _add_output(add, "folder of the new weights, a report and a picture; --weights takes it")
    add("--section", help="of the datalist: training, validation or test (validation)")
    _add_flips(add)
    _add_device(add)

    yield
    from mammoseg.evaluation.calibrate import calibrate

    return calibrate


@command
def quantise(add: Add) -> Steps:
    """Make the INT8 network of weights, on images they were trained on, for predict --precision int8; docs/speed.md."""
    _add_bundle(add)
    _add_dataset(add)
    add(
        "--weights",
        action=values.Single,
        help="checkpoint, or the ONNX file of an export (what train wrote, else what came with it)",
    )
    add("--images", type=values.parse_from_one, help="of the training section, to take the ranges of values from (100)")

    yield
    from mammoseg.inference.quantise import quantise

    return quantise


@command
def report(add: Add) -> Steps:
    """Write the page of an evaluated run: scores, learning curve, best, median and worst case, baseline."""
    add("evaluation_dir", help="folder with the metrics.csv of training and the per_image.csv of evaluating")
    _add_dataset(add)
    add("--weights", action=values.Single, required=True, help="checkpoint that was evaluated")
    _add_output(add, "folder of the page")
    add("--bundle", help="of the weights (that of the evaluation)")
    add("--title", help="heading of the page (Mass segmentation, held-out patients)")
    add("--cases", type=values.parse_from_one, help="how many images to show (12)")

    yield
    from mammoseg.evaluation.run_report import report

    return report


@command
def compare(add: Add) -> Steps:
    """Compare evaluations of the same images: table, confidence intervals, Wilcoxon signed-rank tests, box plot."""
    add("inputs", nargs="*", metavar="EVALUATION", help="two or more folders that evaluate wrote, or per_image.csv")
    _add_output(add, "folder of tables, plots, report.html and report.json")
    add("--speed", metavar="JSON", help="what scripts/benchmark.py networks --json wrote, for speed against Dice")

    yield
    from mammoseg.evaluation.compare import compare

    return compare


@command
def predict(add: Add) -> Steps:
    """Segment masses in mammograms: DICOM SEG and SR, overlay pictures, results.csv and index.html; docs/predict.md."""
    add("inputs", nargs="*", metavar="INPUT", help=FILES)
    _add_output(add, "folder of the results; the same call again does only what is not done yet")
    _add_predictor(add)
    add("--boxes", metavar="CSV", help="boxes around masses, for weights of patches alone, docs/predict.md")
    add("--json", action="store_true", help="print one JSON record a file")
    _add_archives(add)

    yield
    from mammoseg.dicom.decode_pool import get_default_pool

    get_default_pool().start()  # it imports beside this process
    from mammoseg.prediction.predict import predict

    return predict


@command
def cohort(add: Add) -> Steps:
    """Segment an archive: like predict for very many mammograms, on this machine or a Ray cluster; docs/cohort.md."""
    add("inputs", nargs="*", metavar="INPUT", help=f"{FILES}, or datalists")
    _add_output(add, "folder of results, ledger and table; the same call again does only what is not done yet")
    _add_predictor(add)
    add("--ray", metavar="ADDRESS", help="of a Ray cluster, auto, or local for Ray on this machine (no Ray)")
    _add_archives(add)

    yield
    from mammoseg.cohort.cohort import segment_cohort

    return segment_cohort


@command
def send(add: Add) -> Steps:
    """Store DICOM files, such as results, in an archive: DICOMweb (STOW-RS) or C-STORE; docs/dicomweb.md."""
    add("inputs", nargs="*", metavar="FILE", help=FILES)
    add("--to", required=True, metavar="URL", help="https://[user@]host/dicom-web or dicom://AET@host:port")
    _add_login(add)
    add("--verify", action="store_true", help="fetch each instance again and compare; DICOMweb only")
    add("--calling_aet", help="our own title for C-STORE (MAMMOSEG)")
    add("--json", dest="as_json", action="store_true", help="print one JSON record a file")

    yield
    from mammoseg.archives.send import send

    return send


@command
def deidentify(add: Add) -> Steps:
    """Write DICOM mammograms without what names their patient; the way back goes to a file for its owner only."""
    add("inputs", nargs="*", metavar="INPUT", help=FILES)
    _add_output(add, "folder for the files, each named by its new SOP Instance UID")
    add("--map_file", help="the way back (deidentified.json beside the key)")
    add("--key_file", help="secret key of the new names (made once in your configuration folder)")
    _add_modalities(add)

    yield
    from mammoseg.deidentification.deidentify import deidentify

    return deidentify


@command
def export(add: Add) -> Steps:
    """Write a bundle with its weights as a folder that runs without this repository, and a zip of it."""
    _add_bundle(add)
    _add_weights(add)
    _add_output(add, "new folder; gets BUNDLE/ and BUNDLE.zip")
    add("--formats", type=values.parse_words, help="also the network as torchscript,torch_export,onnx, docs/export.md")

    yield
    from mammoseg.deploy.asked import check_asked

    def print_both(*, output: str, formats: Sequence[str] = (), **options: Any) -> None:
        check_asked(output, formats)
        with quick_imports():
            from mammoseg.deploy.export import export
        folder = export(output=output, formats=formats, **options)
        print(folder, f"{folder}.zip", sep="\n")

    return print_both


@command
def bundle(add: Add) -> Steps:
    """Write the configs of a bundle to a folder of yours, to edit them and to run them by MONAI's own command."""
    _add_bundle(add)
    _add_output(add, "new folder; gets configs/ and docs/, and models/ and eval/ when it is trained")

    yield
    from mammoseg.deploy.copy_bundle import copy_bundle

    @wraps(copy_bundle)
    def print_folder(**options: Any) -> None:
        print(copy_bundle(**options))

    return print_folder


@command
def audit(add: Add) -> Steps:
    """Look through somebody else's bundle without running anything of it; exit code 1 when something was found."""
    add("stranger", metavar="BUNDLE", help="folder, or zip of one")  # no name of a bundle that is here
    add(
        "--allow",
        type=values.parse_words,
        help="SHA-256 of files that you have read and let in, with commas between them",
    )
    add("--json", dest="as_json", action="store_true", help="print one JSON object")

    yield
    from mammoseg.audit.audit import audit

    @wraps(audit)
    def run(*, stranger: str, **options: Any) -> None:
        audit(stranger, **options)

    return run


@command
def audit_split(add: Add) -> Steps:
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

    yield
    from mammoseg.data.split_audit import audit_split

    return audit_split


@command
def view(add: Add) -> Steps:
    """Look at mammograms and results in OHIF on this machine, until Ctrl-C; needs it and Orthanc, docs/dicom.md."""
    add("inputs", nargs="*", metavar="FILE", help=FILES)
    add("--port", type=values.parse_whole, help="of the page, on loopback (8080)")

    yield
    from mammoseg.viewer.show import view_files

    return view_files


@command
def run(add: Add) -> Steps:
    """Carry out a plan of trainings and evaluations, or go on with it: one page, one table; docs/reproduce.md."""
    add("plan", metavar="PLAN", help="JSON file: datasets, and runs x seeds x folds x overrides")
    _add_plan_options(add, "folder of data, runs, runs.csv and index.html (runs/NAME here)")

    yield
    from mammoseg.plans.run_plan import run

    return run


@command
def reproduce(add: Add) -> Steps:
    """Carry out the plan of a paper's table, published beside measured; without TABLE, list them. docs/reproduce.md."""
    add("paper", nargs="?", metavar="PAPER", help="sun2020, sarker2022, isosalo2022 or vassilenko2022")
    add("table", nargs="?", metavar="TABLE", help="as `mammoseg reproduce` lists it")
    add(
        "--data",
        action="append",
        metavar="NAME=FOLDER",
        help="each collection that the table needs: a folder with a datalist.json, or the collection as it came",
    )
    add("--variant", help="literal (sun2020): nothing but dark rows and columns is cut off, as the paper says")
    _add_plan_options(add, "folder of data, runs, table.csv and index.html (runs/PAPER-TABLE here)")

    yield

    def list_or_reproduce(paper: str | None = None, table: str | None = None, **options: Any) -> None:
        if paper is None or table is None:
            from mammoseg.plans.listing import print_tables

            print_tables(paper)
        else:
            from mammoseg.plans.reproduce import reproduce

            reproduce(paper, table, **options)

    return list_or_reproduce


@command
def list_bundles(add: Add) -> Steps:
    """List the bundles: name, paper, parameters, input (channels, rows, columns) and recipe."""
    add("--json", dest="as_json", action="store_true", help="print a JSON list instead of a table")

    yield
    from mammoseg.cards.listing import print_cards

    return print_cards


def _add_output(add: Add, text: str) -> None:
    add("-o", "--output", required=True, metavar="DIR", help=text)


def _add_plan_options(add: Add, output: str) -> None:
    add("-o", "--output", metavar="DIR", help=output)
    add("--jobs", type=values.parse_from_one, help="steps at once, each in a process of its own (1)")
    add("--dry_run", action="store_true", help="build every run's config, list the runs, train nothing")
    add("--budget", help="small: grid 160 x 112, a quarter of the width, 12 epochs, common recipe (that of the plan)")


def _add_bundle(add: Add) -> None:
    add("bundle", help="architecture; `mammoseg list` names them")


def _add_weights(add: Add) -> None:
    add(
        "--weights",
        action="append",
        help="checkpoint, with its network and preprocessing; given several times, or a folder of several: the mean of "
        "their probabilities (what train wrote, else what came with it)",
    )


def _add_dataset(add: Add) -> None:
    add("--dataset_dir", required=True, metavar="DIR", help="folder of the datalist.json")


def _add_modalities(add: Add) -> None:
    add("--modalities", type=values.parse_words, help="DICOM modalities to let in, such as MG,RG (MG)")


def _add_flips(add: Add) -> None:
    add(
        "--flips",
        type=values.parse_switch,
        help="true or false: mean with the image upside down (as the weights record it)",
    )


def _add_device(add: Add) -> None:
    add("--device", help="such as cpu or cuda:0 (the best there is)")


def _add_predictor(add: Add) -> None:
    add("--bundle", help="architecture; `mammoseg list` names them (efficientnet_unet)")
    _add_weights(add)
    add("--objects", help="DICOM objects to write, of seg,sr,cad_sr,sc,gsps (seg,sr)")
    add("--segmentation", help="binary, fractional or labelmap (binary)")
    add("--profile", help="of the segmentation: viewer or strict (viewer)")
    add("--deflated", action="store_true", help="compress the segmentation, for programs that open it, docs/dicom.md")
    add("--no_empty_seg", action="store_true", help="no segmentation where nothing was found; the report says it")
    add(
        "--threshold",
        type=values.parse_number,
        help="probability from which a pixel is mass (of the weights, else the bundle)",
    )
    _add_flips(add)
    add("--min_area_mm2", type=values.parse_number, help="smallest mass, in the breast")
    add("--min_area_pixels", type=values.parse_number, help="smallest mass, in pixels")
    _add_modalities(add)
    _add_window(add)
    _add_device(add)
    add("--runtime", help="what computes the network: openvino, onnx or torch, docs/speed.md (auto)")
    add(
        "--precision",
        help="f32, bf16, f16 or int8, where the runtime has it, docs/speed.md (f16 on a GPU, else f32, or bf16 if "
        "the weights allow it)",
    )
    add("--workers", type=values.parse_from_one, help="processes (one for each core)")


def _add_window(add: Add) -> None:
    add("--window", metavar="CENTRE,WIDTH", help="in place of DICOM files' own; or a file, docs/preprocessing.md")


def _add_archives(add: Add) -> None:
    add("--from", dest="archive", metavar="URL", help="DICOMweb archive to read from, docs/dicomweb.md")
    add("--study", help="to read from the archive: Study Instance UID")
    add("--patient", help="to read from the archive: Patient ID, * and ? as wildcards")
    add("--date", help="to read from the archive: 20240131, or a range 20240101-20240131")
    add(
        "--stow", metavar="URL", help="archive to store the results to: https://host/dicom-web or dicom://AET@host:port"
    )
    _add_login(add)


def _add_login(add: Add) -> None:
    add("--user", help="at the archive; passwords never stand here")
    add("--ca_bundle", metavar="FILE", help="certificates of the authority that signed the archive's own")
