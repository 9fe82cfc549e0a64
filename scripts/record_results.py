"""Record what evaluations measured in docs/results/NAME/measured.json, and draw all that is made of it anew.

Usage: python scripts/record_results.py NAME EVALUATION...
       python scripts/record_results.py --plan FILE --output FOLDER [--because TEXT]
"""

from pathlib import Path
from typing import Any

import checkout  # noqa: F401  # the package is that of this checkout
from draw_cards import draw_cards

from mammoseg.cards.measured import RESULTS
from mammoseg.command_line import run_script
from mammoseg.counts import format_count
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.measured import measure_evaluation
from mammoseg.evaluation.tables import without_nan
from mammoseg.files import write_json
from mammoseg.plans.record import keep_comparison, record_plan


def record_results(
    name: str | None = None,
    *evaluations: str,
    plan: str | None = None,
    output: str | None = None,
    because: str = "not run",
) -> None:
    """Write the record and the cards; of a plan also the comparison of its runs.

    Args:
        name: folder in docs/results; that of the plan is its name.
        evaluations: folders that `mammoseg evaluate` wrote.
        plan: file of `mammoseg run`.
        output: folder that it was carried out in.
        because: why what is left of the plan was not run.
    Raises:
        WrongCallError: an evaluation is not complete, or nothing is named.
    """
    if plan and output:
        record: dict[str, Any] = record_plan(Path(plan), Path(output), because=because)
    elif name and evaluations:
        runs = [
            {"run": Path(folder).name, "fold": None, "notes": [], **measure_evaluation(Path(folder))}
            for folder in evaluations
        ]
        record = {"name": name, "command": None, "budget": None, "runs": runs, "empty": []}
    else:
        raise WrongCallError("nothing to record; name NAME and evaluations, or --plan and --output.")
    file = RESULTS / record["name"] / "measured.json"
    if plan and output:
        keep_comparison(Path(plan), Path(output), file.parent)
    write_json(file, without_nan(record))
    print(f"{format_count(len(record['runs']), 'evaluation')} in {file}, {len(record['empty'])} empty.")
    draw_cards()


if __name__ == "__main__":
    run_script(record_results)
