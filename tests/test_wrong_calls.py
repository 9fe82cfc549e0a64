"""Every wrong call is one sentence and an exit code of 1 to 3, whatever is wrong with it, and leaves nothing behind."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammoseg import cli
from mammoseg.data.datalist import SECTIONS
from mammoseg.data.phantom import generate_cohort
from tests.label.bright_model import write_bright_weights
from tests.tiny_run import write_tiny_dataset

ROOT = str(Path(__file__).resolve().parent.parent)

SMALL = "--max_epochs 1 --batch_size 2 --spatial_size [32,32] --network_def::channels [4,8,16] --device cpu"

TRAIN = f"train unet --dataset_dir data --ckpt_dir new/models --output_dir new/eval {SMALL}"
EVALUATE = "evaluate unet --dataset_dir data --output_dir new/scores --weights run/models/model.pt"
PREDICT = "predict dicom -o new --bundle unet --weights run/models/model.pt"
FETCH = "predict -o new --bundle unet --weights run/models/model.pt --from http://127.0.0.1:1/x"

CALLS = {
    # no command, no argument, arguments that are not there
    "segment": "there is no command 'segment'; known: ingest, train",
    "--bogus": "there is no command '--bogus'",
    "train": "required: bundle, --dataset_dir",
    "list more": "there is no place for more",
    "quantise unet": "required: --dataset_dir",
    "predict dicom": "required: -o/--output",
    "predict dicom -o": "-o/--output: expected one argument",
    "send dicom": "required: --to",
    "train --max_epochs 1 --dataset_dir data": "required: bundle;",
    "train --max_epochs 1": "required: bundle, --dataset_dir",
    f"{TRAIN} --lr": "--lr: expected one argument",
    # names that are nearly right
    "train aunett --dataset_dir data": "unet_slim, unit_unet; did you mean aunet?",
    "evaluat unet": "known: ingest, train, evaluate,",
    "ingest inbrest data -o new": "voc; did you mean inbreast?",
    "ingest phantom -o new --protocol sun2000": "official; did you mean sun2020?",
    "ingest phantom -o new --all trainin": "test; did you mean training?",
    "quantise unet --dataset_dir data --weights run/models/model.pt --weights b.pt": "--weights: given twice, and",
    "export unet --weights run/models/model.pt -o new --formats onx": "did you mean onnx?",
    # weights that are not there, and options without effect
    "evaluate aunet --dataset_dir data": "bundle 'aunet' has no weights yet; train it, name a checkpoint with",
    "evaluate unet --dataset_dir data --ckpt_dir empty": "there are no weights at empty/model.pt",
    f"{EVALUATE} --lr 3": "--lr changes nothing of an evaluation; leave it out",
    f"{EVALUATE} --optimizer::lr 3": "--optimizer::lr changes nothing of an evaluation",
    f"{TRAIN} --best_checkpoint x.pt": "--best_checkpoint changes nothing of a training",
    f"{TRAIN} --network_def::out_channels 1": "network_def::out_channels is 1; loss and labels of bundle 'unet' are",
    "ingest phantom -o new --test_patients nowhere": "nowhere cannot be read (No such file or directory); name a file",
    "ingest phantom -o new --patients 3 --size 64 --test_patients file": "1 patient of the 1 to be tested on have no",
    # options of another kind of file, and outputs that are folders
    "audit-split data/datalist.json --image file": "name columns of a CSV, and only datalists are named",
    "audit-split data/datalist.json --details empty": "details is 'empty', a folder, pipe or device; name a CSV",
    "audit-split data/datalist.json --details pipe": "details is 'pipe', a folder, pipe or device; name a CSV",
    f"{PREDICT} --precision f8": "precision is 'f8'; give one of f32, bf16, f16",
    f"{PREDICT} --boxes nowhere": "nowhere is no regular file; name a CSV",
    f"{PREDICT} --boxes pipe": "'pipe' is neither a file nor a folder, but a pipe",
    f"{PREDICT} --boxes zero": "zero has no column 'image'; it has: none",
    f"{PREDICT} --boxes no_box.csv": "no_box.csv has no box; write a row for each, image,top,left,bottom,right",
    f"{PREDICT} --boxes ''": "boxes is ''; name a file or folder",
    f"{PREDICT} --boxes boxes.csv": "these weights look at whole images and take no boxes; leave --boxes out",
    "predict dicom -o new --bundle unet --weights patches.pt": "give their boxes to `mammoseg predict --boxes`",
    "cohort dicom -o new --bundle unet --weights patches.pt": "were trained on patches around known masses",
    f"{PREDICT} --window 2047,0": "a window of width 0 shows nothing; give one of at least 1",
    "ingest phantom -o new --window 2047": "'2047' is neither CENTRE,WIDTH nor a file",
    "ingest phantom -o new --window pipe": "pipe is no file of at most 64 KiB",
    "ingest voc data -o new --window 2047,4095": "voc has no DICOM files, which alone are read through a window",
    # empty names, as of a variable that is not set
    "predict '' -o new": "an input is ''; name a file or folder",
    "predict dicom -o ''": "output is ''; name a file or folder",
    "send '' --to https://127.0.0.1:1/x": "an input is ''",
    f"{TRAIN} --dataset_dir ''": "dataset_dir is ''",
    f"{TRAIN} --ckpt_dir ''": "ckpt_dir is ''",
    f"{EVALUATE} --weights ''": "weights is ''",
    "ingest folder data -o new --masks ''": "masks is ''",
    "deidentify dicom -o new --map_file ''": "map_file is ''",
    "bundle '' -o new": "unknown bundle ''",
    "export '' -o new": "unknown bundle ''",
    "ingest folder data -o new --table zero": "zero has no column 'image'; it has: none",
    # parts of the config
    f"{TRAIN} --network_def 3": "network_def is 3; the config has a part with settings of its own",
    f"{TRAIN} --network_def null": "network_def is None; the config has a part",
    f"{TRAIN} --network_def {{}}": "with --network_def::channels, --network_def the workflow ended on AttributeError",
    f"{TRAIN} --network_def::channels []": "with --network_def::channels the workflow ended on IndexError",
    f"{TRAIN} --network_def::bogus 4": "--network_def::bogus the workflow ended on TypeError: got an unexpected",
    f"{TRAIN} --train::dataloader 3": "--train::dataloader the workflow ended on TypeError",
    # kinds and ranges of numbers
    f"{TRAIN} --max_epochs 0": "max_epochs is 0; give a finite number from 1 on",
    f"{TRAIN} --max_epochs -3": "max_epochs is -3; give",
    f"{TRAIN} --max_epochs 2.5": "max_epochs is 2.5; the config has 120",
    f"{TRAIN} --max_epochs 1e30": "max_epochs is 1e+30; the config has 120",
    f"{TRAIN} --batch_size 0": "batch_size is 0; give",
    f"{TRAIN} --batch_size 64": "a batch of 64 takes more than the 6 images of training; lower --batch_size",
    f"{TRAIN} --num_workers -1": "num_workers is -1; give",
    f"{TRAIN} --val_interval 0": "val_interval is 0; give",
    f"{TRAIN} --early_stop_patience 0": "early_stop_patience is 0; give",
    f"{TRAIN} --val_interval 2": "val_interval is 2 and max_epochs 1, so no epoch would be validated",
    f"{TRAIN} --max_gradient_norm -1": "max_gradient_norm is -1; give a finite number from 0 on",
    f"{TRAIN} --early_stop_patience 1.5": "early_stop_patience is 1.5; give a whole number",
    f"{TRAIN} --amp maybe": "amp is 'maybe'; give true or false",
    f"{TRAIN} --average 2": "average is 2; give a part with settings of its own",
    f"{TRAIN} --fold x": "fold is 'x'; give a whole number",
    f"{TRAIN} --encoder_weights imagenet": "bundle 'unet' has no encoder that could start with weights",
    f"{TRAIN} --device $1/0": "with --network_def::channels, --device the workflow ended on ZeroDivisionError",
    f"{TRAIN} --train::bogus 1": "there is no option --train::bogus; train has: preprocessing, random_transforms",
    f"{TRAIN} --train::dataloaderr::batch_size 1": "no option --train::dataloaderr; did you mean dataloader?",
    f"{TRAIN} --seed -5": "seed is -5; give",
    f"{TRAIN} --seed 99999999999": "seed is 99999999999; give a finite number from 0 to 4294967295",
    f"{TRAIN} --lr -1": "lr is -1; give",
    f"{TRAIN} --lr NaN": "lr is nan; give a finite number",
    f"{TRAIN} --lr fast": "lr is 'fast'; the config has",
    f"{TRAIN} --resume maybe": "resume is 'maybe'; the config has True",
    f"{TRAIN} --spatial_size [99,100]": "image is 99 x 100, both sides must be divisible by",
    f"{TRAIN} --spatial_size [0,0]": "spatial_size is [0, 0]; give",
    f"{TRAIN} --spatial_size [-32,32]": "spatial_size is [-32, 32]; give",
    f"{TRAIN} --spatial_size [32]": "spatial_size is [32]; the config has [256, 256], give as many values of that kind",
    f"{TRAIN} --spatial_size 32": "spatial_size is 32; the config has [256, 256]",
    f"{TRAIN} --spatial_size [32.5,32]": "spatial_size is [32.5, 32]; the config has",
    f"{TRAIN} --spatial_size ['a','b']": "spatial_size is ['a', 'b']; the config has",
    f"{TRAIN} --spatial_size [9999999,9999999]": "there is not enough memory",
    f"{TRAIN} --fold 99": "unknown fold 99; known: 0, 1, 2",
    f"{EVALUATE} --threshold 2": "threshold is 2; give a finite number from 0 to 1",
    f"{EVALUATE} --threshold NaN": "threshold is nan; give",
    f"{EVALUATE} --threshold [0.5]": "threshold is [0.5]; give a number",
    f"{EVALUATE} --threshold true": "threshold is True; give a number",
    f"{EVALUATE} --flips maybe": "flips is 'maybe'; give true or false",
    f"{PREDICT} --threshold nan": "threshold is nan; give a probability",
    f"{PREDICT} --threshold half": "'half' is no number",
    f"{PREDICT} --min_area_mm2 -4": "min_area_mm2 is -4.0; give a finite area",
    f"{PREDICT} --min_area_pixels inf": "min_area_pixels is inf; give a finite area of 0 or more",
    f"{PREDICT} --user me": "--user and --ca_bundle are for an archive; name it with --from or --stow",
    f"{PREDICT} --ca_bundle file": "--user and --ca_bundle are for an archive",
    f"{FETCH} --patient ''": "patient is ''; give a value, or leave it out",
    f"{FETCH} --date ''": "date is ''; give a value, or leave it out",
    f"{FETCH} --date 20240231": "--date 20240231 is no date",
    f"{FETCH} --date 20240201-20240101": "--date 20240201-20240101 is no date",
    f"{PREDICT} --workers 0": "'0' is too few; give 1 or more",
    f"{PREDICT} --workers -1": "'-1' is no whole number",
    "ingest phantom -o new --patients 0": "patients=0",
    "ingest phantom -o new --patients 3 --size 64 --folds 99": "folds is 99, training and validation have 2 patients",
    "ingest phantom -o new --folds 1": "--folds: '1' is too few; give 2 or more",
    "ingest phantom -o new --shares 0.8,0.2": "'0.8,0.2' are 2 numbers; give three",
    "ingest phantom -o new --shares a,b,c": "'a' is no number",
    "ingest phantom -o new --shares 0,0,0": "give three numbers from 0",
    "ingest phantom -o new --all tests": "unknown section 'tests'; known: training, validation, test",
    "ingest phantom -o new --by breast": "a split by 'breast' is not known",
    "ingest phantom -o new --protocol sun2020": "protocol sun2020 is about cbis_ddsm or inbreast, not phantom",
    "ingest phantom -o new --size 999999999": "size of 64 to 8192",
    "ingest phantom -o new --patients 1e9": "'1e9' is no whole number",
    "ingest phantom -o new --size 3": "size=3",
    "view dicom --port 99999999": "port is 99999999; give",
    "view dicom --port http": "'http' is no whole number",
    "report run/eval --dataset_dir data --weights run/models/model.pt -o new --cases 0": "'0' is too few",
    # names that nothing has
    "ingest nowhere -o new": "unknown source 'nowhere'; known: cbis_ddsm, cdd_cesm",
    "train ünet --dataset_dir data": "unknown bundle 'ünet'; known: attention_unet",
    f"{TRAIN} --recipe cake": "unknown recipe 'cake'; known: paper, common",
    f"{TRAIN} --epochs 3": "there is no option --epochs; did you mean --max_epochs?",
    f"{TRAIN} --recip common": "there is no option --recip; did you mean --recipe?",
    "predict a.png --modality MG -o new": "there is no option --modality; did you mean --modalities?",
    "ingest folder pictures --patient-regx x -o new": "no option --patient_regx; did you mean --patient_regex?",
    f"{TRAIN} --validation_section tset": "unknown section 'tset'; known: training",
    f"{TRAIN} --device gpu": "device 'gpu' cannot be used on this machine",
    f"{PREDICT} --device tpu:9": "device 'tpu:9' cannot be used on this machine",
    f"{PREDICT} --objects hologram": "objects is 'hologram'; give one of seg",
    f"{PREDICT} --objects ''": "objects is ''; give one of seg",
    f"{PREDICT} --segmentation fancy": "segmentation is 'fancy'; give one of binary",
    f"{PREDICT} --profile fancy": "profile is 'fancy'; give one of viewer",
    f"{PREDICT} --modalities ''": "'' is no list of words",
    "export unet --weights run/models/model.pt -o export --formats fancy": "unknown format 'fancy'; known: torchscript",
    "export unet --weights run/models/model.pt -o new --formats ''": "'' is no list of words",
    # what is not there, is damaged, or is of another kind
    "train unet --dataset_dir nowhere": "there is no datalist at nowhere/datalist.json",
    "train unet --dataset_dir file": "there is no datalist at file/datalist.json",
    "train unet --dataset_dir broken": "broken/datalist.json: not JSON",
    "train unet --dataset_dir other": "other/datalist.json: top level: 'name' is a required property",
    f"{TRAIN} --datalist 3": "there is no datalist at 3",
    f"{TRAIN} --dataset_dir no_training": "no_training/datalist.json has no training image, so nothing can be trained",
    f"{TRAIN} --dataset_dir no_validation": "no_validation/datalist.json has no validation image, so nothing chooses",
    f"{EVALUATE} --dataset_dir no_test": "no_test/datalist.json has no test image, so nothing was held out",
    f"{TRAIN} --dataset_dir small_mask": "training-1.png: it is 9 x 9, its image 64 x 48; ingest it again",
    f"{TRAIN} --val_interval $2": "no epoch had a value of the key metric, so there are no weights at new/models",
    f"{TRAIN} --start_from nowhere.pt": "there are no weights at nowhere.pt",
    f"{TRAIN} --start_from file": "file is damaged or not a checkpoint",
    f"{TRAIN} --start_from empty": "empty is a folder; name one file of weights",
    f"{EVALUATE} --weights file": "file is damaged or not a checkpoint",
    f"{EVALUATE} --weights zero": "zero is damaged or not a checkpoint",
    f"{EVALUATE} --weights half.pt": "half.pt is damaged or not a checkpoint",
    "predict dicom -o new --bundle unet --weights half.pt": "half.pt is damaged or not a checkpoint",
    "predict dicom -o new --bundle aunet --weights run/models/model.pt": "holds UNet, bundle 'aunet' is AUNet",
    "export aunet --weights run/models/model.pt -o export": "holds UNet, bundle 'aunet' is AUNet",
    "report empty --dataset_dir data --weights run/models/model.pt -o new": "empty/per_image.csv is not a file",
    "compare -o new": "0 evaluations named, a comparison needs two",
    "compare run/eval run/eval -o new": "1 evaluation named, a comparison needs two",
    "compare run/eval empty -o new": "empty/per_image.csv is not a file",
    "compare run/eval file -o new": "file has no column 'image_id'",
    "ingest folder nowhere -o new": "'nowhere' is not a folder",
    "ingest folder file -o new": "'file' is not a folder",
    "ingest folder data -o new --table nowhere.csv": "table 'nowhere.csv' is not a file",
    "ingest folder data -o new --masks file": "--masks 'file' is not a folder",
    "ingest folder data -o new --patient_regex (": "is no regular expression",
    "audit nowhere": "there is no folder or file 'nowhere'",
    "audit file": "file is no zip, or a damaged one",
    "train unet --dataset_dir nul": "nul/datalist.json: training[0].image: 'a\\x00.png' does not match",
    "run nul.json": "nul.json: datasets.films.dataset_dir: ",
    "export unet --weights empty -o new": "there are no weights in the folder empty; they end in .pt or .safetensors",
    "ingest dicom_seg empty -o new": "dicom_seg: there is no image in the input",
    "audit empty": "empty is no bundle: it has no configs/.",
    "audit exports": "exports is no bundle: it has no configs/; did you mean exports/unet?",
    "audit-split data": "'data' is not a file; did you mean data/datalist.json?",
    "run nowhere.json": "there is no file 'nowhere.json'",
    "run file": "file is no plan (",
    "run pipe": "'pipe' is neither a file nor a folder, but a pipe",
    "run absent.json": "there is no datalist at",
    "run uncollected.json": "in', which data/films is made of, is not a folder; check the path",
    "reproduce sun2020 units": "not one row has its data; this table takes --data",
    "reproduce sun2020 table9": "unknown table 'table9' of sun2020; known: comparison, units",
    "reproduce sun2020 units --data cbis_ddsm=nowhere": "'nowhere' is not a folder",
    "calibrate unet --dataset_dir nowhere --weights run/models/model.pt -o new": "there is no datalist at nowhere",
    "calibrate unet --dataset_dir data --weights run/models/model.pt -o new": "with a mass, at least 10 are needed",
    "calibrate unet --dataset_dir pipe --weights run/models/model.pt -o new": "'pipe' is neither a file nor a folder",
    "audit pipe": "'pipe' is neither a file nor a folder, but a pipe",
    "compare run/eval run/eval -o new --speed pipe": "'pipe' is neither a file nor a folder, but a pipe",
    f"{PREDICT} --runtime fast": "runtime is 'fast'; give one of auto, openvino",
    "cohort dicom -o new --runtime fast": "runtime is 'fast'; give one of auto, openvino",
    "cohort dicom -o new --device tpu": "device 'tpu' cannot be used on this machine",
    "ingest cbis_ddsm empty -o new": "no '*case_description*.csv' below the input",
    "ingest voc empty -o new": "'empty' has no VOC2012",
    "predict pipe -o new --weights run/models/model.pt": "'pipe' is neither a file nor a folder, but a pipe",
    "predict /dev/zero -o new --weights run/models/model.pt": "'/dev/zero' is neither a file nor a folder",
    f"{TRAIN} --start_from pipe": "'pipe' is neither a file nor a folder, but a pipe",
    f"{PREDICT} --weights pipe": "'pipe' is neither a file nor a folder, but a pipe",
    f"{TRAIN} --datalist pipe": "'pipe' is neither a file nor a folder, but a pipe",
    "deidentify dicom -o new --key_file pipe": "the key pipe is no regular file",
    "ingest folder pipe -o new": "'pipe' is not a folder",
    "ingest folder data -o new --table pipe": "'pipe' is neither a file nor a folder, but a pipe",
    "compare run/eval pipe -o new": "pipe is not a file",
    "view nowhere": "'nowhere' does not exist",
    "view empty": "there is no DICOM file",
    "send empty --to https://127.0.0.1:1/x": "there is no DICOM file",
    "deidentify empty -o new": "there is no file to deidentify",
    "deidentify nowhere -o new/deep": "none of 1 file could be used",
    "cohort dicom -o new --bundle unet --weights half.pt": "half.pt is damaged or not a checkpoint",
    # outputs that cannot be written to
    f"{TRAIN} --ckpt_dir file/models": "'file/models' cannot be written to (Not a directory); name another folder",
    f"{TRAIN} --output_dir file": "'file' cannot be written to (Not a directory)",
    f"{TRAIN} --cache_dir /proc/nowhere": "'/proc/nowhere' cannot be written to",
    f"{EVALUATE} --output_dir file/x": "'file/x' cannot be written to",
    "predict dicom -o file/x --bundle unet --weights run/models/model.pt": "'file/x' cannot be written to",
    "ingest phantom -o file": "'file' cannot be written to (Not a directory)",
    f"ingest phantom -o {'x' * 300}": "cannot be written to (File name too long)",
    "export unet --weights run/models/model.pt -o file": "'file' cannot be written to",
    "compare run/eval run/eval -o file": "'file' cannot be written to",
    "deidentify dicom -o new --map_file new/same --key_file new/same": "map_file and key_file are both 'new/same'",
    "deidentify dicom -o new --map_file empty": "'empty' is a folder; name a file",
    "deidentify dicom -o new --map_file file/x": "'file' cannot be written to",
    "deidentify dicom -o new --key_file empty": "'empty' is a folder; name a file",
    # contradictions
    f"{PREDICT} --min_area_mm2 1 --min_area_pixels 1": "min_area_mm2 and min_area_pixels are both given",
    f"{PREDICT} --no_empty_seg --objects seg": "no_empty_seg needs the report",
    f"{PREDICT} --study 1.2": "--study, --patient and --date choose from an archive",
    "ingest phantom data -o new": "phantom makes its images and takes no input",
    "ingest folder -o new": "no input given",
    "ingest phantom -o new --calcifications": "phantom has no option 'calcifications'",
    "send dicom --to dicom://AET@127.0.0.1:1 --verify": "--verify is for DICOMweb",
    "send dicom --to dicom://AET@127.0.0.1:1 --user me": "--user and --ca_bundle are for DICOMweb",
    # addresses
    "send dicom --to nowhere": "the address is none of https://host/dicom-web",
    "send dicom --to ftp://host": "the address is none of https://host/dicom-web",
    "send dicom --to https://[::1/x": "the address has no valid host",
    "send dicom --to https://me:secret@127.0.0.1:1/x": "a password does not belong in an address",
    "send dicom --to https://127.0.0.1:1/x --ca_bundle nowhere": "--ca_bundle nowhere is no file",
    "send dicom --to https://127.0.0.1:1/x --ca_bundle file": "--ca_bundle file holds no certificates",
    "send dicom --to dicom://AET@127.0.0.1:1 --calling_aet Ä": "--calling_aet has 1 to 16 letters of ASCII",
    "send dicom --to dicom://Ä@127.0.0.1:1": "the address of a C-STORE is dicom://AET@host:port, AET of 1 to 16",
    "send dicom --to dicom://127.0.0.1:1": "the address of a C-STORE is dicom://AET@host:port",
    "send dicom --to dicom://AET@127.0.0.1:99999": "the address of a C-STORE is dicom://AET@host:port",
    f"{PREDICT} --stow nowhere": "the address is none of https://host/dicom-web",
    f"{FETCH} --date today": "--date today is no date",
    f"{FETCH} --study one": "--study is no UID",
    "train \x1b[31munet --dataset_dir data": "unknown bundle '\\x1b[31munet'",
}
"""Words of a wrong call, to what its sentence says."""

WORKED = (f"{TRAIN} --val_interval $2",)
"""Calls whose work was done before anything was wrong, so what they computed is kept."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a data set, a run, DICOM files, and what is damaged, empty or of another kind."""
    folder = tmp_path_factory.mktemp("place")
    data = write_tiny_dataset(folder / "data")
    generate_cohort(folder / "dicom", patients=1, size=64, seed=0)
    for name in ("empty", "broken", "other"):
        (folder / name).mkdir()
    (folder / "exports" / "unet" / "configs").mkdir(parents=True)
    (folder / "exports" / "unet" / "configs" / "inference.json").write_text("{}", encoding="utf-8")
    (folder / "file").write_text("hello, world\n", encoding="utf-8")
    (folder / "zero").touch()
    (folder / "no_box.csv").write_text("image,top,left,bottom,right\n", encoding="utf-8")
    (folder / "boxes.csv").write_text("image,top,left,bottom,right\na,1,2,3,4\n", encoding="utf-8")
    write_bright_weights(folder / "patches.pt", spatial_size=(32, 32), patch_area=1.2)
    os.mkfifo(folder / "pipe")
    for name, words in (
        ("absent", {"dataset_dir": "nowhere"}),
        ("nul", {"dataset_dir": "a\0b"}),
        ("uncollected", {"source": "inbreast", "inputs": ["in"], "all": "test"}),
    ):
        plan = {
            "name": name,
            "datasets": {"films": words},
            "runs": [{"name": "a", "bundle": "unet", "dataset": "films"}],
        }
        (folder / f"{name}.json").write_text(json.dumps(plan), encoding="utf-8")
    for section in SECTIONS:
        empty = json.loads((data / "datalist.json").read_text(encoding="utf-8")) | {section: []}
        (folder / f"no_{section}").mkdir()
        (folder / f"no_{section}" / "datalist.json").write_text(json.dumps(empty), encoding="utf-8")
    spoilt = json.loads((data / "datalist.json").read_text(encoding="utf-8"))
    spoilt["training"][0]["image"] = "a\0.png"
    (folder / "nul").mkdir()
    (folder / "nul" / "datalist.json").write_text(json.dumps(spoilt), encoding="utf-8")
    small_mask = write_tiny_dataset(folder / "small_mask") / "masks" / "training-1.png"
    cv2.imwrite(str(small_mask), np.eye(9, dtype=np.uint8) * 255)
    (folder / "broken" / "datalist.json").write_text("{", encoding="utf-8")
    (folder / "other" / "datalist.json").write_text("{}", encoding="utf-8")
    small = shlex.split(f"--dataset_dir {data} --ckpt_dir {folder}/run/models --output_dir {folder}/run/eval")
    cli.run(["train", "unet", *small, *shlex.split(SMALL)])
    cli.run(["evaluate", "unet", *small[:2], "--weights", f"{folder}/run/models/model.pt", *small[4:]])
    (folder / "half.pt").write_bytes((folder / "run" / "models" / "model.pt").read_bytes()[:2000])
    return folder


@pytest.mark.parametrize("words", CALLS)
def test_wrong_call_is_one_sentence(words, place, monkeypatch, capsys):
    shutil.rmtree(place / "new", ignore_errors=True)  # of another call, whichever came before
    before = set(place.rglob("*"))
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "argv", ["mammoseg", *shlex.split(words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mammoseg: ")]
    assert len(said) == 1 and CALLS[words] in said[0]
    assert ended.value.code in (1, 2, 3)
    left = [path for path in place.rglob("*") if path not in before and "cache" not in path.parts]
    assert words in WORKED or not left
    assert all(map(os.path.lexists, before))


EARLY = """
import sys
from mammoseg import cli
sys.argv = ["mammoseg", *sys.argv[1:]]
try:
    cli.main()
finally:
    print("torch" in sys.modules)
"""


@pytest.mark.parametrize(
    "words",
    [
        "train unet --dataset_dir data --folds 99",
        "train unet --dataset_dir data --network_def 3",
        "train unet --dataset_dir data --max_epochs 0",
        "train unet --dataset_dir data --start_from nowhere.pt",
        "train unet --dataset_dir nowhere",
        "train unet --dataset_dir data --fold 99",
        "evaluate unet --dataset_dir broken --weights run/models/model.pt",
        "calibrate unet --dataset_dir data --weights run/models/model.pt -o new",
        "report empty --dataset_dir data --weights run/models/model.pt -o new",
        "export unet --weights run/models/model.pt -o new --formats fancy",
        "reproduce sun2020 units --data cbis_ddsm=nowhere",
        "run absent.json",
        "evaluate unet --dataset_dir data --weights run/models/model.pt --validation_section tset",
    ],
)
def test_what_needs_no_torch_to_be_wrong_is_said_before_torch_loads(words, place):
    command = [sys.executable, "-c", EARLY, *words.split()]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ROOT})
    assert (done.returncode in (1, 2), done.stdout, done.stderr.count("\n")) == (True, "False\n", 1)
