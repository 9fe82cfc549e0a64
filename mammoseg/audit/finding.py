"""What an audit holds against a bundle."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One reason not to run a bundle.

    Attributes:
        kind: code, target, expression, logging, weights, path, archive, hash or license.
        file: its name in the bundle, with ``/``; ``.`` for the whole.
        place: within the file, such as the id of a config's entry; empty for the whole file.
        what: sentence for a person.
    """

    kind: str
    file: str
    place: str
    what: str

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.file}{f' [{self.place}]' if self.place else ''}: {self.what}"
