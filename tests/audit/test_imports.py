"""What configs import: one name has one meaning, and nobody gets hold of a module itself."""

import pytest

from mammoseg.audit.imports import collect_imports, read_imports


def faults(*statements):
    imports = collect_imports((f"imports::{n}", statement) for n, statement in enumerate(statements))
    return [fault for statement in statements for fault in imports.find_faults(read_imports(statement), "imports::0")]


@pytest.mark.parametrize(
    "statement",
    ["$import os", "$import torch.distributed as dist", "$from glob import glob", "$from os import path as p"],
)
def test_what_is_known_may_be_imported(statement):
    assert faults(statement, statement) == []


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("$import subprocess", "imports subprocess"),
        ("$import os, subprocess", "imports subprocess"),
        ("$from os import system", "imports os.system"),
        ("$from os import *", "imports os.*"),
        ("$import math as torch", "gives torch another meaning"),
        ("$from math import pi as eval", "gives eval another meaning"),
        ("$import math as __local_refs", "gives __local_refs another meaning"),
    ],
)
def test_an_import_that_reaches_further_is_named(statement, fault):
    assert faults(statement) == [fault]


def test_a_name_that_two_configs_give_different_meanings_has_none():
    assert faults("$import math as m", "$import os as m") == ["gives m another meaning"] * 2
    assert "m" not in collect_imports([("a", "$import math as m"), ("b", "$import os as m")]).names


@pytest.mark.parametrize(
    ("place", "is_found"),
    [("imports::0", False), ("needs", False), ("a::_requires_::1", False), ("a::data::0", True), ("+a::data", True)],
)
def test_a_module_is_given_to_no_component(place, is_found):
    imports = collect_imports([(place, "$import os")])
    found = ["gives a module to whatever it is part of"] * is_found
    assert list(imports.find_faults({"os": "os"}, place)) == found


@pytest.mark.parametrize("statement", ["import os", "$os.path", "$import os; 1", "$", 1, "$import os" + " " * 5000])
def test_what_is_no_import_imports_nothing(statement):
    assert collect_imports([("a", statement)]).places == set()


@pytest.mark.parametrize("place", ["needs::0", "+needs::0", "needs#0", "+::needs", "needs"])
def test_an_id_that_leads_to_a_module_is_known(place):
    imports = collect_imports([(place, "$import os")])
    assert all(map(imports.are_at, ["needs", "needs::0", "needs#3", "", "configs/a.json", "a.yaml::needs"]))
    assert not any(map(imports.are_at, ["need", "needs_more", "a::needs", "a.json::b"]))
