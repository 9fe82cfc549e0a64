"""What became of each step, as its folder says it: nothing else is remembered, so any process can go on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammoseg.errors import WrongCallError
from mammoseg.files import as_printable, read_json, write_json
from mammoseg.plans.steps import Step

SETTINGS, DONE, FAILED = "settings.json", "done.json", "failed.json"
"""Files in a step's folder: what it is, that it ended well, and why it did not."""


@dataclass(frozen=True)
class StepStatus:
    """What is known of a step: ``done``, ``failed``, ``begun`` (stopped on the way, or running elsewhere) or ``left``.

    Attributes:
        reason: why it failed, or waits for something that did.
    """

    state: str
    reason: str = ""


def read_status(step: Step, output: Path) -> StepStatus:
    """What the folder of a step says.

    Raises:
        WrongCallError: a file there is none of ours.
    """
    folder = output / step.key
    if (folder / DONE).is_file():
        return StepStatus("done")
    if (folder / FAILED).is_file():
        return StepStatus("failed", as_printable(str(_read_note(folder / FAILED).get("reason"))))
    return StepStatus("begun" if (folder / SETTINGS).is_file() else "left")


def check_same(steps: Sequence[Step], output: Path) -> None:
    """Refuse a folder that holds a step of the same name with other settings.

    Raises:
        WrongCallError: naming the step and the setting; or a file there is none of ours.
    """
    for step in steps:
        file = output / step.key / SETTINGS
        if not file.is_file():
            continue
        before, now = _read_note(file), json.loads(json.dumps(dict(step.settings)))
        if before != now:
            differs = next(key for key in {**before, **now} if before.get(key) != now.get(key))
            raise WrongCallError(
                f"{output} holds {step.key} with {differs} {before.get(differs)!r}, the plan says "
                f"{now.get(differs)!r}; name another --output, or give the run another name."
            )


def _read_note(file: Path) -> dict[str, Any]:
    try:
        return dict(read_json(file))
    except (OSError, ValueError, TypeError) as error:
        raise WrongCallError(f"{as_printable(file)} is damaged, or none of ours; remove it and run again.") from error


def note_begun(step: Step, output: Path) -> None:
    """Write down what a step is, before it begins."""
    (output / step.key / FAILED).unlink(missing_ok=True)
    write_json(output / step.key / SETTINGS, dict(step.settings))


def note_done(step: Step, output: Path) -> None:
    """Write down that a step ended well."""
    write_json(output / step.key / DONE, {"command": step.command})


def note_failed(step: Step, output: Path, reason: str) -> None:
    """Write down why a step failed; the next run tries it again."""
    write_json(output / step.key / FAILED, {"reason": reason})
