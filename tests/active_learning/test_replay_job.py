"""The simulation as it is called: phantoms in, a picture and a table out."""

import pytest

from mammoseg.active_learning.replay_job import run_replay
from mammoseg.errors import WrongCallError

QUICK = {"seeds": 1, "start": 2, "query": 2, "rounds": 1, "first_steps": 2, "steps": 2, "channels": [2, 4]}


def run(output, docs=None, plan=QUICK):
    run_replay(
        output,
        dataset_dir=None,
        phantom={"patients": 4, "size": 64},
        images=(6, 2),
        strategies=("random", "coreset"),
        docs=docs,
        plan=plan,
    )


def test_picture_and_table_are_written_beside_the_steps_and_into_the_docs(tmp_path):
    run(tmp_path / "out", docs=tmp_path / "docs")
    table = (tmp_path / "docs" / "results" / "active_learning_cpu.md").read_text()
    assert table == (tmp_path / "out" / "active_learning.md").read_text()
    assert "| strategy | 2 labels | 4 labels | mean over labels | minus random |" in table
    assert (tmp_path / "docs" / "images" / "active_learning.png").is_file()


def test_a_misspelt_setting_is_refused(tmp_path):
    with pytest.raises(WrongCallError, match="'stepz'; known: seeds, start"):
        run(tmp_path, plan={"stepz": 3})
