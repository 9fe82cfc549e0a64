"""The examples in docstrings run as they stand, each in an empty folder and with nothing imported before."""

import ast
import doctest
from collections.abc import Iterator
from pathlib import Path

import pytest

import mammoseg

PACKAGE = Path(mammoseg.__file__).parent

DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

CALLED_FIRST = """
    atomic_path bootstrap_mean_interval build_film_preprocessing build_network build_segmentation CachedDataset
    compute_dice compute_segmentation_scores DecodePool find_breast_mask find_masses FocalTverskyLoss hash_with_key
    load_section locate_bundle Predictor read_mammogram read_mask render split_records UNet write_csv write_object
""".split()
"""What a stranger calls first."""


def examples(module: Path) -> Iterator[doctest.DocTest]:
    """Those of every docstring of a file; `doctest`'s own search passes over what a decorator wraps."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            name, line = getattr(node, "name", module.stem), node.body[0].lineno - 1
            found = doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, name, str(module), line)
            if found.examples:
                yield found


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if ">>>" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_examples_give_what_they_show(module, tmp_path, monkeypatch):
    for example in examples(module):
        folder = tmp_path / example.name
        folder.mkdir()
        monkeypatch.chdir(folder)
        said: list[str] = []
        failed, tried = doctest.DocTestRunner(verbose=False).run(example, out=said.append)
        assert tried and not failed, "".join(said)


def test_what_a_stranger_calls_first_has_an_example():
    shown = {example.name for module in MODULES for example in examples(module)}
    assert set(CALLED_FIRST) <= shown, sorted(set(CALLED_FIRST) - shown)
