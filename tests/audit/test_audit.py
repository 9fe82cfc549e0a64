"""Bundles of strangers: each trick is found, none is run, and our own pass."""

import errno
import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from mammoseg import cli
from mammoseg.audit.audit import AuditError, audit, find_faults
from mammoseg.audit.unpacked import MOST_GROWTH
from mammoseg.bundles import list_bundle_names, locate_bundle
from mammoseg.deploy.copy_bundle import copy_bundle
from mammoseg.deploy.manifest import write_manifest
from mammoseg.errors import NothingUsableError, OutputError, WrongCallError
from mammoseg.files import hash_file
from tests.audit.made_bundle import write_bundle, zip_bundle


def kinds(folder):
    return {(finding.kind, finding.file) for finding in find_faults(folder)}


class Payload:
    def __reduce__(self):
        return os.mkdir, ("was-run",)


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield write_bundle(tmp_path / "theirs")
    assert not (tmp_path / "was-run").exists(), "an audit runs nothing"


def test_what_is_no_hash_lets_nothing_in(bundle):
    with pytest.raises(WrongCallError, match="allow is 'model.ts'; give the SHA-256 of a file, 64 digits"):
        audit(bundle, allow=["model.ts"])


def test_the_command_looks_at_a_folder_and_not_at_a_bundle_of_that_name(bundle, capsys):
    cli.run(["audit", str(bundle)])
    assert "Nothing was found" in capsys.readouterr().out


def test_a_bundle_that_nothing_speaks_against_passes_as_folder_and_as_zip(bundle, tmp_path, capsys):
    audit(bundle)
    audit(zip_bundle(bundle, tmp_path / "theirs.zip"))
    said = capsys.readouterr().out
    assert said.count("Nothing was found that speaks against it.\nNot seen from outside: ") == 2


@pytest.mark.parametrize("name", list_bundle_names())
def test_our_own_bundles_pass(name):
    assert list(find_faults(Path(locate_bundle(name)))) == []


@pytest.mark.parametrize(
    "config",
    [
        {"a": {"_target_": "os.system", "command": "mkdir was-run"}},
        {"a": {"_target_": "mammoseg.networks.blocks.torch.os.system"}},
        {"a": {"_target_": "mammoseg.files.shutil.rmtree"}},
        {"a": {"_target_": "mammoseg.archives.send.send"}},
        {"a": {"_target_": "monai.bundle.download"}},
        {"a": {"_target_": "PersistentDataset"}},
        {"a": {"_target_": "NoSuchThing"}},
        {"a": {"_target_": "$os.system"}},
        {"a": {"_target_": "@imports::0"}},
        {"a": {"_target_": ["os.system"]}},
        {"a": {"inner": [{"deep": {"_target_": "builtins.exec"}}]}},
        {"a::_target_": "os.system"},
        {"+a#_target_": "os.system"},
        {"a": {"_target_": "UNet", "_mode_": "debug"}},
        {"a": {"_target_": "LoadImage", "reader": "os.mkdir", "path": "was-run"}},
        {"a": {"_target_": "LoadImage", "reader": "open", "file": "was-run", "mode": "w"}},
        {"a": {"_target_": "LoadImage", "reader": "$'os.' + 'mkdir'", "path": "was-run"}},
        {"a": {"_target_": "SaveImage", "writer": "os.mkdir"}},
        {"a": {"_target_": "PatchInferer", "merger_cls": "os.mkdir"}},
        {"a": {"_target_": "LoadImage", "_mode_": "callable"}},
        {"a": {"_target_": "LoadImage", "allow_pickle": True}},
        {"a": {"_target_": "TorchVisionD", "name": "a"}},
        {"+a": {"_target_": "LoadImage"}},
        {"a::reader": "open"},
        {"a": {"_target_": "UNet", "act": "os.system"}},
        {"_target_": "LoadImage", "_mode_": "callable"},
    ],
)
def test_a_target_that_is_not_known_is_found(config, tmp_path):
    assert kinds(write_bundle(tmp_path / "b", **config)) == {("target", "configs/inference.json")}


def test_an_export_of_before_names_functions_as_they_were_called_then(tmp_path):
    before = {"root": {"_target_": "mammoseg.deploy.root.exported_root", "name": "unet"}}
    assert list(find_faults(write_bundle(tmp_path / "stranger", config=before))) == []


@pytest.mark.parametrize(
    "expression",
    ["$__import__('os').mkdir('was-run')", "$import subprocess", "$@imports#0.mkdir('a')"]
    + ["$list(map(@imports#0.mkdir, ['was-run']))", "$[f('was-run') for f in [@imports#0.mkdir]]"]
    + ["$[(lambda torch: 0), list(map(torch.os.mkdir, ['was-run']))]", "$import math as os", "@imports", "%imports::0"]
    + ["$'@f{open(1)}'", "$[1][0#open(1)\n]"],
)
@pytest.mark.parametrize("key", ["a", "_requires_", "_disabled_"])
def test_an_expression_is_found_wherever_it_stands(expression, key, tmp_path):
    bundle = write_bundle(tmp_path / "b", network={"_target_": "UNet", key: [expression]})
    assert kinds(bundle) == {("expression", "configs/inference.json")}


def test_an_alias_that_two_configs_give_different_meanings_is_found(bundle):
    for name, module in [("a", "math"), ("b", "os")]:
        content = {"imports": [f"$import {module} as m"], "made": "$m.mkdir('was-run')"}
        (bundle / "configs" / f"{name}.json").write_text(json.dumps(content))
    found = {(finding.file, finding.place) for finding in find_faults(bundle)}
    assert found >= {(f"configs/{name}.json", "imports::0") for name in "ab"}


@pytest.mark.parametrize(
    "value",
    ["/etc/passwd", "../../secret.json", "%../other/config.json::a", "C:\\Users\\a", "~/x/y"]
    + ["%a b/../../x.json::a", "/tmp/x.json#a://"],
)
def test_a_path_out_of_the_bundle_is_found(value, tmp_path):
    assert kinds(write_bundle(tmp_path / "b", a=value)) == {("path", "configs/inference.json")}
    assert kinds(write_bundle(tmp_path / "c", **{value: 1})) == {("path", "configs/inference.json")}


def test_where_a_bundle_lies_is_no_path_out_of_it(tmp_path):
    bundle = write_bundle(tmp_path / "b", a=str(tmp_path / "b"), b=str(tmp_path / "b" / "models"))
    assert not kinds(bundle)
    assert kinds(write_bundle(tmp_path / "c", a=f"{tmp_path}/c/../b")) == {("path", "configs/inference.json")}


def test_what_mammoseg_bundle_writes_passes(tmp_path):
    copy_bundle("unet", output=tmp_path / "copy")
    assert list(find_faults(tmp_path / "copy")) == []


def test_an_address_is_no_path(tmp_path):
    assert not kinds(write_bundle(tmp_path / "b", a="https://example.org/a/../b.json"))


def test_an_expression_in_yaml_is_found_and_its_aliases_cost_no_time(bundle):
    layers = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40))
    (bundle / "configs" / "train.yaml").write_text(f"a0: &a0 ['$os.system(1)']\n{layers}\n")
    assert kinds(bundle) == {("expression", "configs/train.yaml")}


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "\0", '{"a": "\\ud800"}'])
def test_what_is_no_config_is_found(text, bundle):
    (bundle / "configs" / "train.json").write_text(text)
    assert {kind for kind, _ in kinds(bundle)} <= {"target", "path"} and (text[0] == "{" or kinds(bundle))


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("class=StreamHandler", "class=__import__('os').mkdir('was-run') or StreamHandler", "handler_console"),
        ("class=StreamHandler", "class=handlers.SocketHandler", "handler_console"),
        ("args=(sys.stdout,)", "args=(__import__('os').mkdir('was-run'),)", "handler_console"),
        ("args=(sys.stdout,)", "args=('../../log.txt',)", "handler_console"),
        ("args=(sys.stdout,)", "args=(sys.stdout,)\nkwargs={'a': exec('1')}", "handler_console"),
        ("format=%(asctime)s", "class=theirs.Formatter\nformat=%(asctime)s", "formatter_full"),
        ("format=%(asctime)s", "defaults={'a': exec('1')}\nformat=%(asctime)s", "formatter_full"),
    ],
)
def test_logging_settings_that_run_code_are_found(old, new, place, bundle):
    path = bundle / "configs" / "logging.conf"
    path.write_text(path.read_text().replace(old, new))
    assert [(finding.kind, finding.place) for finding in find_faults(bundle)] == [("logging", place)]


def test_weights_pass_if_they_are_tensors(bundle):
    (bundle / "models").mkdir()
    torch.save(torch.nn.Conv2d(1, 1, 3).state_dict(), bundle / "models" / "model.pt")
    assert not kinds(bundle)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.ckpt", "model.bin", "model.pkl", "model", "a.txt"])
def test_a_pickle_is_found_whatever_it_is_called(name, protocol, bundle):
    (bundle / name).write_bytes(pickle.dumps(Payload(), protocol))
    assert kinds(bundle) == {("weights", name)}


def test_a_pickle_that_is_yaml_too_is_found(bundle):
    (bundle / "configs" / "a.yaml").write_bytes(b"cposix\nmkdir\n(S'was-run'\ntR.")
    assert kinds(bundle) == {("weights", "configs/a.yaml")}


def test_a_checkpoint_with_a_payload_is_found(bundle):
    torch.save({"model": Payload()}, bundle / "model.pt")
    assert kinds(bundle) == {("weights", "model.pt")}


def test_torchscript_is_found_and_let_in_by_its_hash(bundle, capsys):
    torch.jit.script(torch.nn.ReLU()).save(str(bundle / "model.ts"))
    with pytest.raises(AuditError, match=r"1 finding in .*theirs \(weights 1\); do not run it unread"):
        audit(bundle)
    assert "is TorchScript, which is a program" in capsys.readouterr().out
    audit(bundle, allow=[hash_file(bundle / "model.ts").upper()])


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_an_array_of_objects_is_found_and_one_of_numbers_passes(name, bundle):
    save = np.save if name == "a.npy" else np.savez
    save(bundle / name, np.zeros(3))
    assert not kinds(bundle)
    save(bundle / name, np.array([Payload()], dtype=object))
    assert kinds(bundle) == {("weights", name)}


def test_an_onnx_model_that_is_none_or_has_more_than_2_gb_is_found(bundle):
    (bundle / "a.onnx").write_bytes(b"no model")
    with (bundle / "b.onnx").open("wb") as file:
        file.truncate(2**31 + 1)
    assert kinds(bundle) == {("weights", "a.onnx"), ("weights", "b.onnx")}


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("scripts/a.py", b"x = 1", "code"),
        ("monai/__init__.py", b"", "code"),
        ("mammoseg/networks/unet.py", b"x = 1", "code"),
        ("a.so", b"", "code"),
        ("README.md", b"#!/bin/sh\n", "code"),
        ("data.dat", b"\x7fELF", "code"),
        ("more.zip", b"PK\x03\x04", "archive"),
        ("more.xz", b"\xfd7zXZ\0", "archive"),
        ("more.tar", bytes(257) + b"ustar\0", "archive"),
        ("model.plan", b"", "code"),
    ],
)
def test_programs_and_archives_are_found(name, content, kind, bundle):
    (bundle / name).parent.mkdir(parents=True, exist_ok=True)
    (bundle / name).write_bytes(content)
    assert kinds(bundle) == {(kind, name)}


def test_the_copy_of_this_package_in_an_export_passes(bundle):
    from mammoseg.provenance import PACKAGE_FOLDER

    (bundle / "mammoseg").mkdir()
    (bundle / "mammoseg" / "files.py").write_bytes((PACKAGE_FOLDER / "files.py").read_bytes())
    assert not kinds(bundle)


def test_links_pipes_and_files_that_were_changed_are_found(bundle):
    write_manifest(bundle)
    (bundle / "LICENSE").write_text("changed")
    (bundle / "out").symlink_to("/etc")
    os.mkfifo(bundle / "pipe")
    assert kinds(bundle) == {("hash", "manifest.json"), ("path", "out"), ("path", "pipe")}


def test_a_link_is_judged_by_its_own_name(bundle):
    (bundle / "notes.txt").write_text(json.dumps({"a": {"_target_": "os.system"}}))
    (bundle / "configs" / "more.json").symlink_to("../notes.txt")
    (bundle / "again").symlink_to("configs")
    assert kinds(bundle) == {("target", "configs/more.json")}


@pytest.mark.parametrize("key", ["_target_", "reader", "_mode_", "compile_kwargs", "allow_pickle"])
def test_what_holds_itself_or_a_part_a_billion_times_is_found(key, bundle):
    nine = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))
    text = f"a0: &a0 [open]\n{nine}\nb: {{_target_: UNet, {key}: *a11}}\nc: {{_target_: UNet, {key}: &c [*c]}}\n"
    (bundle / "configs" / "train.yaml").write_text(text)
    assert {(finding.kind, finding.place[:1]) for finding in find_faults(bundle)} == {("target", "b"), ("target", "c")}


def test_what_yaml_names_again_is_judged_by_each_key(bundle):
    (bundle / "configs" / "train.yaml").write_text("names: &n [open]\na: {_target_: LoadImage, reader: *n}\n")
    assert kinds(bundle) == {("target", "configs/train.yaml")}


def test_a_bundle_without_license_is_found(bundle):
    (bundle / "LICENSE").unlink()
    assert kinds(bundle) == {("license", ".")}


def entry(name, *, mode=0o100644, content=b"x"):
    info = zipfile.ZipInfo(name)
    info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
    return info, content


@pytest.mark.parametrize(
    ("made", "what"),
    [
        (entry("theirs/../../out"), "lies outside of the bundle"),
        (entry("/etc/out"), "lies outside of the bundle"),
        (entry("C:/out"), "lies outside of the bundle"),
        (entry("theirs\\..\\out"), "lies outside of the bundle"),
        (entry("theirs/link", mode=0o120777, content=b"/etc"), "is a link or a device"),
        (entry("theirs/license"), "is in the archive twice"),
        (entry("theirs/.//LICENSE"), "is in the archive twice"),
        (entry("theirs/bomb", content=bytes(30_000_000)), f"grows more than {MOST_GROWTH} times"),
    ],
)
def test_an_archive_that_writes_elsewhere_or_without_end_is_not_unpacked(made, what, bundle, tmp_path, capsys):
    archive = zip_bundle(bundle, tmp_path / "theirs.zip")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(*made)
    with pytest.raises(AuditError, match=r"\(archive 1\)"):
        audit(archive, as_json=True)
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["what"].startswith(what)


def test_a_full_disk_is_no_fault_of_the_archive(bundle, tmp_path, monkeypatch):
    def fill(source, file, size):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    archive = zip_bundle(bundle, tmp_path / "theirs.zip")
    monkeypatch.setattr(shutil, "copyfileobj", fill)
    with pytest.raises(OutputError, match=r"no room to unpack .* \(No space left on device\); free space in .*TMPDIR"):
        audit(archive)


@pytest.mark.parametrize("name", ["theirs/LICENSE/a", f"theirs/{'a' * 300}"])
def test_an_entry_that_no_file_can_be_called_is_found(name, bundle, tmp_path, capsys):
    archive = zip_bundle(bundle, tmp_path / "theirs.zip")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(*entry(name))
    with pytest.raises(AuditError, match=r"\(archive 1\)"):
        audit(archive)
    assert "has a name that no file here can have" in capsys.readouterr().out


def test_what_is_no_bundle_is_unreadable(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 no zip")
    for path, what in [("a.zip", "a damaged one"), ("no-such", "there is no folder"), (".", "it has no configs/")]:
        with pytest.raises(NothingUsableError, match=what):
            audit(tmp_path / path)
