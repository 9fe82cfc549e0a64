"""What labels cost in prompts and time: totals by role and day, or a line a label by name where that was agreed on."""

import json
import logging
import threading
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mammoseg.errors import WrongCallError
from mammoseg.files import write_json
from monailabel_app.lib.audit import AuditLog

logger = logging.getLogger(__name__)

TOTALS = "effort.json"


class EffortLog:
    """Keeps the effort of each save.

    By role nothing is kept of a single image: a line for each would stand beside the audit's line with the name.

    Args:
        audit: gets the lines by name.
        folder: the state folder, which gets the totals.
        named: whether names are kept.
    """

    def __init__(self, audit: AuditLog, folder: Path, *, named: bool) -> None:
        self._audit = audit
        self._path = folder / TOTALS
        self._named = named
        self._lock = threading.Lock()

    def keep(self, user: str, role: str, image: str, effort: Mapping[str, float | None]) -> None:
        """Count one label; totals that are damaged are kept beside the new ones.

        Args:
            role: role in which the person saved it.
            effort: numbers by their names; None is not known and not counted.
        """
        if self._named:
            self._audit.record(user, "effort", image=image, role=role, **effort)
            return
        day = datetime.now(timezone.utc).date().isoformat()
        with self._lock:
            try:
                totals = json.loads(self._path.read_text("utf-8")) if self._path.exists() else {}
                _add(totals, day, role, effort)
            except (ValueError, RecursionError, TypeError, LookupError, AttributeError) as error:
                totals = {}
                _add(totals, day, role, effort)
                aside = self._path.with_name(f"{self._path.stem}.damaged-{time.time_ns()}.json")
                self._path.replace(aside)
                logger.error("%s is damaged (%s); it is %s now, and begun anew", TOTALS, type(error).__name__, aside)
            write_json(self._path, totals)


def _add(totals: dict[str, Any], day: str, role: str, effort: Mapping[str, float | None]) -> None:
    of_role = totals.setdefault(day, {}).setdefault(role, {"labels": 0})
    of_role["labels"] += 1
    for name, value in effort.items():
        if value is not None:
            of_sum = of_role.setdefault(name, {"sum": 0, "labels": 0})
            of_sum["sum"] = round(of_sum["sum"] + value, 4)
            of_sum["labels"] += 1


def names_are_kept(text: str) -> bool:
    """The setting ``audit_effort``: ``role``, which is the default, or ``named``.

    Raises:
        WrongCallError: it is neither.
    """
    if text not in ("role", "named"):
        raise WrongCallError(f"audit_effort is '{text}'; it must be role or named.")
    return text == "named"
