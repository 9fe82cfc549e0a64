"""What each command of `mammoseg` takes, which function does its work, and what is checked before that is imported."""

from collections.abc import Callable

from mammoseg.commands import declarations
from mammoseg.commands.command import Add, Command

COMMANDS: dict[str, Callable[[Add], Command]] = {
    "ingest": declarations.ingest,
    "train": declarations.train,
    "evaluate": declarations.evaluate,
    "calibrate": declarations.calibrate,
    "quantise": declarations.quantise,
    "report": declarations.report,
    "compare": declarations.compare,
    "predict": declarations.predict,
    "cohort": declarations.cohort,
    "send": declarations.send,
    "deidentify": declarations.deidentify,
    "export": declarations.export,
    "bundle": declarations.bundle,
    "audit": declarations.audit,
    "audit-split": declarations.audit_split,
    "view": declarations.view,
    "run": declarations.run,
    "reproduce": declarations.reproduce,
    "list": declarations.list_bundles,
}
"""Commands by the name that a person types, in the order in which the overview lists them."""
