"""The `mammoseg` command: python-fire over functions that are imported only when they are called."""

import os
import re
import sys
from typing import Any

import fire

from mammoseg.errors import MammosegError, WrongCallError


def ingest(source: str, *inputs: str, output: str, **options: Any) -> None:
    """Turn a collection of mammograms into a datalist.json with a patient-grouped split.

    Args:
        source: phantom, folder, cbis_ddsm or voc.
        inputs: folders to read; none for phantom.
        output: folder of the datalist and of what has to be written beside it.
        options: --seed, --folds, --keep_identifiers and those of each source, see docs/datalist.md and docs/datasets/.
    """
    from mammoseg.data.ingest import ingest as run

    run(source, *inputs, output=output, **options)


def predict(*inputs: str, output: str, bundle: str = "unet", weights: str | None = None, **options: Any) -> None:
    """Segment masses in mammograms: DICOM SEG and SR, overlay pictures, results.csv and index.html.

    Args:
        inputs: files, or folders that are searched with their sub-folders.
        output: folder of the results; the same call again does only what is not done yet.
        bundle: architecture; `mammoseg list` names them.
        weights: checkpoint of a training run; without it the bundle's own, else those of `make demo` (phantoms only).
        options: --objects seg,sr,cad_sr,sc,gsps, --segmentation binary|fractional|labelmap, --profile viewer|strict,
            --no_empty_seg, --threshold, --min_area_mm2, --min_area_pixels, --modalities, --device, --workers, --json,
            --from URL (with --study, --patient, --date), --stow URL; see docs/predict.md.
    """
    from mammoseg.predict import predict as run

    archive = options.pop("from", None)
    run(*inputs, output=output, bundle=bundle, weights=weights, archive=archive, **options)


def deidentify(*inputs: str, output: str, **options: Any) -> None:
    """Write DICOM mammograms without what names their patient; the way back goes to a file for its owner only.

    Args:
        inputs: files, or folders that are searched with their sub-folders.
        output: folder for the files, each named by its new SOP Instance UID.
        options: --map_file, --key_file, --modalities; see docs/deidentify.md.
    """
    from mammoseg.deidentify import deidentify as run

    run(*inputs, output=output, **options)


def send(*inputs: str, to: str, json: bool = False, **options: Any) -> None:
    """Store DICOM files, such as results, in an archive: DICOMweb (STOW-RS) or C-STORE.

    Args:
        inputs: files, or folders that are searched with their sub-folders.
        to: https://[user@]host/dicom-web or dicom://AET@host:port; passwords never stand here, see docs/dicomweb.md.
        json: print one JSON record a file.
        options: --user, --ca_bundle, --verify, --calling_aet; see docs/dicomweb.md.
    """
    from mammoseg.send import send as run

    run(*inputs, to=to, as_json=json, **options)


def compare(*per_image_files: str, output: str) -> None:
    """Compare evaluations of the same images: table, confidence intervals, Wilcoxon signed-rank tests, box plot.

    Args:
        per_image_files: two or more per_image.csv that `evaluating` wrote.
        output: folder of table and plot.
    """
    from mammoseg.evaluation.compare import compare as run

    run(*per_image_files, output=output)


def train(bundle: str, *, dataset_dir: str, recipe: str = "paper", **overrides: Any) -> None:
    """Train a bundle; the same call continues an interrupted run.

    Args:
        bundle: architecture; `mammoseg list` names them.
        dataset_dir: folder of the datalist.json.
        recipe: paper (of the bundle) or common (the same for all bundles).
        overrides: of the config, such as --max_epochs or --network_def::channels; see docs/training.md.
    """
    from mammoseg.workflow import train as run

    run(bundle, dataset_dir=dataset_dir, recipe=recipe, **overrides)


def evaluate(bundle: str, *, dataset_dir: str, weights: str | None = None, **overrides: Any) -> None:
    """Score held-out images: per_image.csv and a summary, at network size and on the original grid.

    Args:
        bundle: architecture; `mammoseg list` names them.
        dataset_dir: folder of the datalist.json.
        weights: checkpoint; without it the bundle's own. Network and preprocessing are taken from it.
        overrides: of the config, such as --output_dir; see docs/training.md.
    """
    from mammoseg.workflow import evaluate as run

    run(bundle, dataset_dir=dataset_dir, weights=weights, **overrides)


def report(evaluation_dir: str, *, dataset_dir: str, weights: str, output: str, **options: Any) -> None:
    """Write the page of an evaluated run: scores, learning curve, best, median and worst case, baseline.

    Args:
        evaluation_dir: folder with the metrics.csv of `training` and the per_image.csv of `evaluating`.
        dataset_dir: folder of the datalist.json.
        weights: checkpoint that was evaluated.
        output: folder of the page.
        options: --bundle, --title, --cases.
    """
    from mammoseg.evaluation.run_report import report as run

    run(evaluation_dir, dataset_dir=dataset_dir, weights=weights, output=output, **options)


def export(bundle: str, *, weights: str, output: str, formats: Any = ()) -> None:
    """Write a bundle with its weights as a folder that runs without this repository, and a zip of it.

    Args:
        bundle: architecture; `mammoseg list` names them.
        weights: checkpoint of a training run; network and preprocessing are taken from it.
        output: new folder; gets `<bundle>/` and `<bundle>.zip`.
        formats: also write the network in these, comma-separated: torchscript, torch_export, onnx; see docs/export.md.
    """
    from mammoseg.deploy.export import export as run

    print(run(bundle, weights=weights, output=output, formats=formats))


def view(*inputs: str, port: int = 8080, **unknown: Any) -> None:
    """Look at mammograms and their results in OHIF on this machine, until Ctrl-C; needs `make viewer` and Orthanc.

    Args:
        inputs: DICOM files, or folders of them.
        port: of the page, on loopback.
    """
    from mammoseg.viewer.show import view as run

    run(*inputs, port=port, **unknown)  # fire would complain of an unknown option when the page is closed


def list_bundles(*, json: bool = False) -> None:
    """List the bundles: name, paper, parameters, input (channels, rows, columns) and recipe.

    Args:
        json: print a JSON list instead of a table.
    """
    from mammoseg.cards.listing import as_json, as_table, list_cards

    print(as_json(list_cards()) if json else as_table(list_cards()))


COMMANDS = {
    "ingest": ingest,
    "train": train,
    "evaluate": evaluate,
    "report": report,
    "compare": compare,
    "predict": predict,
    "send": send,
    "deidentify": deidentify,
    "export": export,
    "view": view,
    "list": list_bundles,
}


def main() -> None:
    """Run the command line; errors meant for a person are one line on stderr, with their exit code."""
    # Before torch is imported: waiting threads sleep, which on a machine that others use too is several times faster.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        fire.Fire(COMMANDS, name="mammoseg")
    except MammosegError as error:
        print(f"mammoseg: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except TypeError as error:
        unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        if unknown is None:
            raise
        print(f"mammoseg: there is no option --{unknown[1]}; the command with --help names its own.", file=sys.stderr)
        sys.exit(WrongCallError.exit_code)
    except KeyboardInterrupt:
        print("mammoseg: stopped; what was finished is kept.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
