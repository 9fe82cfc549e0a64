"""Checkpoints that must be refused, made from a sound one: by records, by tensors, by the pickle, by the archive."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mammoseg.networks import UNet
from mammoseg.transforms.pipelines import build_film_preprocessing
from tests.hostile.bad_safetensors import bad_safetensors

COMMAND = "touch pwned"
"""What an attacker would run; the working folder shows whether it was."""

CALL = f"$__import__('os').system('{COMMAND}')"

ESCAPES = "\x1b]0;owned\x07\x1b[2J\nnext line"
"""Sets the title of a terminal, clears it, and begins a line of its own."""

Content = dict[str, Any]
Bad = Callable[[], bytes]
"""Makes the bytes of a file that must be refused."""


def sound_content() -> Content:
    """A network of two levels with random weights of seed 0, for images of 16 x 16."""
    torch.manual_seed(0)
    network = UNet(3, 2, channels=(2, 4))
    settings = build_film_preprocessing(spatial_size=[16, 16]).settings
    provenance = {"bundle": "unet", "source": "phantom"}
    model = dict(network.state_dict())
    return {"model": model, "network": network.config, "preprocessing": settings, "provenance": provenance}


def saved(content: Any, **options: Any) -> bytes:
    """Bytes of `torch.save`."""
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


MEMBER = {"architecture": "UNet", "channels": [2, 4]}


def make_mean(members: Any) -> dict[str, Any]:
    """Record of a mean of networks."""
    return {"architecture": "MeanOfNetworks", "in_channels": 3, "out_channels": 2, "members": members}


NETWORKS: dict[str, Any] = {
    "a path through the attributes of modules": {
        "_target_": "mammoseg.networks.blocks.torch.os.system",
        "command": COMMAND,
    },
    "a function of the package": {"_target_": "mammoseg.checkpoints.checkpoint.read_weights", "path": "/etc/passwd"},
    "a name of another package": {"_target_": "os.system", "command": COMMAND},
    "a target that is called": {"_target_": CALL},
    "a target that is a list": {"_target_": ["mammoseg.networks.UNet"]},
    "the base of all networks": {"architecture": "Network"},
    "the path of an architecture": {"architecture": "mammoseg.networks.UNet"},
    "an architecture that is a list": {"architecture": ["UNet"]},
    "both names of a network": {"architecture": "UNet", "_target_": "mammoseg.networks.UNet"},
    "nothing": {},
    "a list": ["UNet"],
    "a text": "UNet",
    "a key that is a number": {"architecture": "UNet", 3: 4},
    "an unknown argument": {"architecture": "UNet", "widths": [2, 4]},
    "an argument with escape sequences": {"architecture": "UNet", ESCAPES: 1},
    "self": {"architecture": "UNet", "self": 1},
    "MONAI's mode": {"_target_": "mammoseg.networks.UNet", "_mode_": "debug"},
    "MONAI's requirement": {"_target_": "mammoseg.networks.UNet", "_requires_": CALL},
    "MONAI's switch": {"_target_": "mammoseg.networks.UNet", "_disabled_": CALL},
    "MONAI's separator": {"architecture": "UNet", "channels::_target_": "os.system", "channels::command": COMMAND},
    "MONAI's old separator": {"architecture": "UNet", "channels#_target_": "os.system", "channels#command": COMMAND},
    "MONAI's merge": {"architecture": "UNet", "+channels": [2, 4]},
    "an expression for a list": {"architecture": "UNet", "channels": CALL},
    "an expression in a list": {"architecture": "UNet", "channels": [CALL, 4]},
    "an expression for a word": {"architecture": "UNet", "encoder_unit": CALL},
    "a reference": {"architecture": "UNet", "encoder_unit": "@bundle_root"},
    "a macro": {"architecture": "UNet", "encoder_unit": "%/etc/passwd"},
    "a call for a list": {"architecture": "UNet", "channels": {"_target_": "os.system", "command": COMMAND}},
    "a call in a list": {"architecture": "UNet", "channels": [{"_target_": "os.system", "command": COMMAND}, 4]},
    "a list in a list": {"architecture": "UNet", "channels": [[2], [4]]},
    "truth for a number": {"architecture": "UNet", "in_channels": True, "channels": [2, 4]},
    "a fraction for a number": {"architecture": "UNet", "in_channels": 3.0, "channels": [2, 4]},
    "widths that take terabytes": {"architecture": "UNet", "channels": [10**9, 2 * 10**9]},
    "widths that take gigabytes": {"architecture": "UNet", "channels": [4096, 8192]},
    "a negative width": {"architecture": "UNet", "channels": [-2, 4]},
    "no widths": {"architecture": "UNet", "channels": []},
    "a million layers": {"architecture": "FCDenseNet", "layers": [8192] * 64},
    "a thousand widths": {"architecture": "UNet", "channels": [2] * 1000},
    "an unknown unit": {"architecture": "UNet", "encoder_unit": "basicest", "channels": [2, 4]},
    "weights from the network": {"architecture": "SmpUNet", "encoder_weights": "imagenet"},
    "weights from a file": {"architecture": "ResNetUNet", "encoder_weights": "/etc/passwd"},
    "an encoder from the network": {"architecture": "SmpUNet", "encoder": "tu-hf-hub:someone/model"},
    "an encoder that is not there": {"architecture": "ResNetUNet", "encoder": "resnet35"},
    "another architecture than the weights": {"architecture": "UNetSlim"},
    "a mean in a mean": make_mean([MEMBER, make_mean([MEMBER, MEMBER])]),
    "a mean of one": make_mean([MEMBER]),
    "a mean of a thousand": make_mean([MEMBER] * 1000),
    "a mean of a text": make_mean("UNet"),
    "a mean of words": make_mean(["UNet", "UNet"]),
    "a mean of calls": make_mean([{"_target_": "os.system", "command": COMMAND}] * 2),
    "a mean with a key that is a number": make_mean([MEMBER, {**MEMBER, 3: 4}]),
    "a mean with weights from a file": make_mean(
        [MEMBER, {"architecture": "ResNetUNet", "encoder_weights": "/etc/passwd"}]
    ),
    "a mean of widths that take terabytes": make_mean([MEMBER, MEMBER | {"channels": [10**9, 2 * 10**9]}]),
    "a mean of widths that take gigabytes": make_mean([{"architecture": "UNet", "channels": [4096, 8192]}] * 16),
    "a mean with an argument more": make_mean([MEMBER, MEMBER]) | {"encoder_weights": "imagenet"},
    "a mean of truth for a number": make_mean([MEMBER, MEMBER]) | {"in_channels": True},
    "a mean without channels": {"architecture": "MeanOfNetworks", "members": [MEMBER, MEMBER]},
    "a mean that the weights are none of": make_mean([MEMBER, MEMBER]),
}

PREPROCESSINGS: dict[str, Any] = {
    "no size": {},
    "a list": [16, 16],
    "a target": {"spatial_size": [16, 16], "_target_": "os.system", "command": COMMAND},
    "a target behind a separator": {"spatial_size": [16, 16], "voi::_target_": "os.system", "voi::command": COMMAND},
    "a target behind the old separator": {"spatial_size": [16, 16], "voi#_target_": "os.system"},
    "a target in a value": {"spatial_size": [16, 16], "voi": {"_target_": "os.system", "command": COMMAND}},
    "a target in a list": {"spatial_size": [16, 16], "modalities": [{"_target_": "os.system", "command": COMMAND}]},
    "an expression": {"spatial_size": [16, 16], "voi": CALL},
    "an expression for the size": {"spatial_size": CALL},
    "an expression in the size": {"spatial_size": [CALL, 16]},
    "an expression as a modality": {"spatial_size": [16, 16], "modalities": [CALL]},
    "a reference as a key": {"spatial_size": [16, 16], "keys": ["@bundle_root", "label"]},
    "an unknown setting": {"spatial_size": [16, 16], "gamma": 2},
    "settings of two kinds": {"spatial_size": [16, 16], "voi": "first", "value_range": [0.0, 1.0]},
    "an unknown aspect": {"spatial_size": [16, 16], "aspect": "round"},
    "an aspect with escape sequences": {"spatial_size": [16, 16], "aspect": ESCAPES},
    "a size in words": {"spatial_size": "16x16"},
    "one side": {"spatial_size": [16]},
    "three sides": {"spatial_size": [16, 16, 16]},
    "no area": {"spatial_size": [0, 16]},
    "sides below zero": {"spatial_size": [-16, -16]},
    "a size of terabytes": {"spatial_size": [10**6, 10**6]},
    "a size of gigabytes": {"spatial_size": [8192, 8192], "channels": 8192},
    "a size that the network cannot halve": {"spatial_size": [15, 16]},
    "other channels than the network": {"spatial_size": [16, 16], "channels": 1},
    "no keys": {"spatial_size": [16, 16], "keys": []},
    "a limit that is no number": {"spatial_size": [16, 16], "clahe_clip_limit": float("nan")},
    "a switch that is a number": {"spatial_size": [16, 16], "crop_border": 1},
}

PROVENANCES: dict[str, Any] = {
    "a list": [],
    "a tensor": {"seed": torch.zeros(1)},
    "a key that is a tuple": {("a",): 1},
    "a book": {"source": "a" * 10_000},
    "depths": {"a": {"b": {"c": {"d": {}}}}},
    "a thousand facts": {str(number): number for number in range(1000)},
}


def with_model(change: Callable[[dict[str, Any], str], Any]) -> Bad:
    """A file whose state dictionary was changed; `change` gets it and the name of its first tensor."""

    def make() -> bytes:
        content = sound_content()
        change(content["model"], next(iter(content["model"])))
        return saved(content)

    return make


MODELS: dict[str, Bad] = {
    "a tensor is missing": with_model(lambda model, key: model.pop(key)),
    "a tensor is too many": with_model(lambda model, key: model.update(more=torch.zeros(1))),
    "a key has escape sequences": with_model(lambda model, key: model.update({ESCAPES: torch.zeros(1)})),
    "a key is a number": with_model(lambda model, key: model.update({5: torch.zeros(1)})),
    "a value is a number": with_model(lambda model, key: model.update({key: 1.0})),
    "a value is a dictionary": with_model(lambda model, key: model.update({key: {}})),
    "another shape": with_model(lambda model, key: model.update({key: torch.zeros(2, 3, 3)})),
    "no numbers": with_model(lambda model, key: model.update({key: torch.zeros(0)})),
    "not a number": with_model(lambda model, key: model[key].fill_(float("nan"))),
    "infinite": with_model(lambda model, key: model[key].fill_(float("-inf"))),
    "infinite once it is float32": with_model(lambda model, key: model.update({key: model[key].double() + 1e300})),
    "whole numbers": with_model(lambda model, key: model.update({key: model[key].long()})),
    "fractions where numbers are counted": with_model(
        lambda model, key: model.update({key: value.float() for key, value in model.items() if "num_batches" in key})
    ),
    **{
        f"numbers of kind {dtype}": with_model(
            lambda model, key, dtype=dtype: model.update({key: torch.zeros(model[key].shape).to(dtype)})
        )
        for dtype in (torch.int8, torch.uint8, torch.int16, torch.int32, torch.bool, torch.complex64)
    },
    "8-bit floats": with_model(lambda model, key: model.update({key: model[key].to(torch.float8_e5m2)})),
    "quantised": with_model(
        lambda model, key: model.update({key: torch.quantize_per_tensor(model[key], 0.1, 0, torch.qint8)})
    ),
    "sparse": with_model(lambda model, key: model.update({key: model[key].to_sparse()})),
    "sparse rows": with_model(lambda model, key: model.update({key: torch.eye(4).to_sparse_csr()})),
    "without memory": with_model(lambda model, key: model.update({key: torch.empty(2, 3, 3, 3, device="meta")})),
    "a parameter": with_model(lambda model, key: model.update({key: torch.nn.Parameter(model[key])})),
    "one number a trillion times": with_model(lambda model, key: model.update({key: torch.zeros(1).expand(2**40)})),
    "one number 54 times": with_model(lambda model, key: model.update({key: torch.zeros(1).expand(2, 3, 3, 3)})),
    "transposed": with_model(lambda model, key: model.update({key: model[key].transpose(0, 3)})),
}


class Call:
    """Calls a function when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> Any:
        return self.reduced


def with_pickle(text: bytes) -> Bad:
    """A file whose description of the tensors is replaced."""
    return lambda: repacked({"data.pkl": text})


def with_part(value: Callable[[], Any]) -> Bad:
    """A file with one more part, as `torch.save` writes it."""
    return lambda: saved(sound_content() | {"more": value()})


def with_swapped(old: bytes, new: bytes) -> Bad:
    """A file whose description of the tensors has `new` for every `old`."""
    return lambda: repacked({"data.pkl": entries()["data.pkl"].replace(old, new)})


PICKLES: dict[str, Bad] = {
    "os.system": with_part(lambda: Call(os.system, COMMAND)),
    "eval": with_part(lambda: Call(eval, CALL[1:])),
    "open": with_part(lambda: Call(open, "pwned", "w")),
    "getattr": with_part(lambda: Call(getattr, "a", "__class__")),
    "torch.load": with_part(lambda: Call(torch.load, "/etc/passwd")),
    "a bytearray of terabytes": with_part(lambda: Call(bytearray, 2**42)),
    "a tensor of terabytes by its class": with_part(lambda: Call(torch.Tensor, 2**42)),
    "a storage of terabytes by its class": with_pickle(
        b"\x80\x02ctorch\nFloatStorage\n\x8a\x06\x00\x00\x00\x00\x00\x04\x85R."
    ),
    "numpy": with_part(lambda: np.zeros(3)),
    "bytes": with_part(lambda: b"abc"),
    "a set": with_part(lambda: {1, 2}),
    "a kind of numbers": with_part(lambda: torch.float32),
    "a whole network": lambda: saved(UNet(3, 2, channels=(2, 4))),
    "a changed class": with_pickle(b"\x80\x02ccollections\nCounter\nN}X\x06\x00\x00\x00updateK\x01s\x86b."),
    "an object that is made": with_pickle(b"\x80\x02ccollections\nOrderedDict\n)\x81."),
    "an old kind of object": with_pickle(b"(icollections\nOrderedDict\n."),
    "protocol 5": with_pickle(pickle.dumps({"model": 1}, protocol=5)),
    "an extension": with_pickle(b"\x80\x02\x82\x01."),
    "a memo of 4 billion": with_pickle(b"\x80\x02}r\xff\xff\xff\xff."),
    "a text longer than the file": with_pickle(b"\x80\x02X\xff\xff\xff\x7fabc."),
    "100,000 lists in one another": with_pickle(b"\x80\x02" + b"]" * 10**5 + b"a" * (10**5 - 1) + b"."),
    "lists that double 64 times": with_pickle(b"\x80\x02]q\x00" + b"(h\x00h\x00lq\x00" * 64 + b"."),
    "nothing": with_pickle(b""),
    "no end": with_pickle(b"\x80\x02}"),
    "an empty stack": with_pickle(b"\x80\x02."),
    "a number": with_pickle(b"\x80\x02K\x05."),
    "empty": with_pickle(b"\x80\x02}."),
    "more numbers than the file has": with_swapped(b"K6tq", b"M\xff\x7ftq"),
    "another kind of numbers": with_swapped(b"FloatStorage", b"CharStorage"),
    "an entry of another name": with_swapped(b"X\x01\x00\x00\x000", b"X\x0b\x00\x00\x00../../etc/0"),
    "only some parts": lambda: saved({"model": {}, "network": {}}),
    "only tensors": lambda: saved(sound_content()["model"]),
    "a list of parts": lambda: saved(list(sound_content().values())),
    "a model that is a list": lambda: saved(sound_content() | {"model": [1, 2]}),
    "a model that is a tensor": lambda: saved(sound_content() | {"model": torch.zeros(3)}),
    "parts that are numbers": lambda: saved(dict.fromkeys(sound_content(), 1)),
}


def entries() -> dict[str, bytes]:
    """Entries of a sound file by name below their folder."""
    with zipfile.ZipFile(io.BytesIO(saved(sound_content()))) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def repacked(changes: dict[str, bytes | None], *, folder: str = "archive/", compression: int = 0) -> bytes:
    """A sound file with these entries written anew, added, or left out where they are None."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in (entries() | changes).items():
            if content is not None:
                archive.writestr(folder + name, content)
    return file.getvalue()


def twice() -> bytes:
    """A file with two descriptions of its tensors."""
    file = io.BytesIO(repacked({}))
    with zipfile.ZipFile(file, "a") as archive, np.testing.suppress_warnings() as quiet:
        quiet.filter(UserWarning)
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
    return file.getvalue()


def claiming(size: int) -> bytes:
    """A file whose directory claims another size for the first tensor."""
    content = repacked({})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start, info = archive.start_dir, archive.getinfo("archive/data/0")
    place = content.index(b"archive/data/0", start) - 46 + 20
    assert content[place : place + 4] == info.file_size.to_bytes(4, "little")
    return content[:place] + size.to_bytes(4, "little") * 2 + content[place + 8 :]


def torchscript() -> bytes:
    """An archive that holds code beside its tensors."""
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), file)
    return file.getvalue()


ARCHIVES: dict[str, Bad] = {
    "no bytes": lambda: b"",
    "a text": lambda: b"no checkpoint\n" * 20,
    "a pickle": lambda: pickle.dumps({"model": {}}, protocol=2),
    "the form before PyTorch 1.6": lambda: saved(sound_content(), _use_new_zipfile_serialization=False),
    "TorchScript": torchscript,
    "code beside the tensors": lambda: repacked({"code/__torch__.py": b"import os"}),
    "constants beside the tensors": lambda: repacked({"constants.pkl": b"\x80\x02)."}),
    "an empty archive": lambda: b"PK\x05\x06" + bytes(18),
    "no description": lambda: repacked({"data.pkl": None}),
    "no first tensor": lambda: repacked({"data/0": None}),
    "a first tensor that is cut": lambda: repacked({"data/0": bytes(8)}),
    "a first tensor that is longer": lambda: repacked({"data/0": bytes(2**16)}),
    "compressed": lambda: repacked({}, compression=zipfile.ZIP_DEFLATED),
    "a gigabyte of zeros, compressed": lambda: repacked({"data/99": bytes(2**27)}, compression=zipfile.ZIP_DEFLATED),
    "compressed otherwise": lambda: repacked({}, compression=zipfile.ZIP_LZMA),
    "no folder": lambda: repacked({}, folder=""),
    "a folder in a folder": lambda: repacked({}, folder="archive/archive/"),
    "a name that leads out": lambda: repacked({"../../data/0": b"x"}),
    "another byte order": lambda: repacked({"byteorder": b"big"}),
    "two descriptions": twice,
    "30,000 entries": lambda: repacked({f"data/{number}": b"" for number in range(100, 30_100)}),
    "a claim of 4 gigabytes": lambda: claiming(2**32 - 2),
    "a claim of 4 bytes": lambda: claiming(4),
    "a third": lambda: saved(sound_content())[: len(saved(sound_content())) // 3],
    "all but 200 bytes": lambda: saved(sound_content())[:-200],
    "all but the last byte": lambda: saved(sound_content())[:-1],
    "the second half": lambda: saved(sound_content())[len(saved(sound_content())) // 2 :],
    "zeros in the middle": lambda: saved(sound_content())[:2000] + bytes(64) + saved(sound_content())[2064:],
}


SHIPPED_RECORDS = {
    "network": ("a path through the attributes of modules", "an expression in a list", "widths that take terabytes"),
    "preprocessing": ("a target", "a size of terabytes"),
    "provenance": ("a book", "depths"),
}
"""Bad records that are tried in weights that ship, too; the same gate refuses the others."""


def _all() -> Iterator[tuple[str, Bad]]:
    parts = {"network": NETWORKS, "preprocessing": PREPROCESSINGS, "provenance": PROVENANCES}
    for part, records in parts.items():
        for name, record in records.items():
            yield f"{part}: {name}", lambda part=part, record=record: saved(sound_content() | {part: record})
    for kind, makers in (("tensors", MODELS), ("pickle", PICKLES), ("archive", ARCHIVES)):
        for name, make in makers.items():
            yield f"{kind}: {name}", make
    shipped = {part: {name: parts[part][name] for name in names} for part, names in SHIPPED_RECORDS.items()}
    for name, make in bad_safetensors(sound_content, shipped).items():
        yield f"safetensors: {name}", make


BAD: dict[str, Bad] = dict(_all())


def write_bad(name: str, path: Path) -> Path:
    """Write the bad checkpoint of this name."""
    path.write_bytes(BAD[name]())
    return path
