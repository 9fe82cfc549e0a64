"""Train, evaluate, infer with an exported bundle and check its network, by MONAI's functions behind its commands.

Usage: PYTHON tests/deploy/run_all.py BUNDLE DATASET RESULTS [untrained]; run in a process of its own, since the package
has to come from the export. With the last word nothing is trained. All that is imported here are packages that the
bundle's metadata lists.
"""

import json
import sys
from pathlib import Path

from monai.bundle import run, verify_net_in_out

bundle, dataset, results = map(Path, sys.argv[1:4])
train, evaluate, inference = (str(bundle / "configs" / f"{name}.json") for name in ("train", "evaluate", "inference"))
small: dict[str, object] = {"batch_size": 2, "dataset_dir": str(dataset), "cache_dir": str(results / "cache")}
if "encoder_weights" in json.loads(Path(train).read_text()):
    small["encoder_weights"] = "$None"  # no package has weights of the narrow encoder

if "untrained" not in sys.argv:
    run("training", config_file=train, max_epochs=1, ckpt_dir=str(results), output_dir=str(results), **small)
run("evaluating", config_file=[train, evaluate], output_dir=str(results), **small)
run("inferring", config_file=inference, dataset_dir=str(dataset / "images"), output_dir=str(results / "masks"))
verify_net_in_out("network_def", meta_file=str(bundle / "configs" / "metadata.json"), config_file=inference, n=2)

import mammoseg  # noqa: E402  # only now does a run have put the bundle on the path

print(Path(mammoseg.__file__).parents[1])
