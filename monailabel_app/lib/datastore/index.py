"""What a datastore knows of its images and labels, in one SQLite file: read in milliseconds, whole after a kill.

It holds UIDs, keyed hashes and what clients said of an image; no patient. Images and labels of the index can be found
again in their source; scores and leases cannot.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from mammoseg.errors import InputRefusedError, MammosegError

MEANING = 1
"""Of tables and columns; a file of another meaning is not read."""

TABLES = """
CREATE TABLE IF NOT EXISTS sources (source TEXT PRIMARY KEY, stamp TEXT);
CREATE TABLE IF NOT EXISTS images (image_id TEXT PRIMARY KEY, source TEXT, patient_group TEXT, study TEXT, series TEXT,
    path TEXT, rows INTEGER, columns INTEGER);
CREATE INDEX IF NOT EXISTS images_by_source ON images (source);
CREATE TABLE IF NOT EXISTS labels (label_id TEXT PRIMARY KEY, image_id TEXT, source TEXT, series TEXT, seconds REAL,
    segments TEXT, is_stored INTEGER);
CREATE INDEX IF NOT EXISTS labels_by_image ON labels (image_id, seconds);
CREATE TABLE IF NOT EXISTS infos (kind TEXT, name TEXT, info TEXT, PRIMARY KEY (kind, name));
CREATE TABLE IF NOT EXISTS leases (image_id TEXT PRIMARY KEY, user TEXT, until REAL);
"""


@dataclass(frozen=True)
class ImageRow:
    """One mammogram.

    Attributes:
        source: study of an archive, or file of a folder, with which it comes and goes.
        patient_group: keyed hash of the patient.
        path: inside the folder, empty for an archive.
        rows: None where the archive does not say.
    """

    image_id: str
    source: str
    patient_group: str
    study: str = ""
    series: str = ""
    path: str = ""
    rows: int | None = None
    columns: int | None = None


@dataclass(frozen=True)
class LabelRow:
    """One segmentation that was looked at.

    Attributes:
        image_id: image that it labels; empty when it does not count as a person's label.
        source: where it comes from, as of an image; of our own, the source of their image.
        seconds: time of its content, since 1970 in UTC.
        segments: numbers of the segments that count, joined by commas; empty for all.
        is_stored: whether the archive has it, or the folder of labels where there is no archive.
    """

    label_id: str
    image_id: str
    source: str
    series: str = ""
    seconds: float = 0.0
    segments: str = ""
    is_stored: bool = True


DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
"""How SQLite names a file that holds nonsense; all its other errors are of the disk, or of rights."""

MOST_INFO = 2**20
"""Characters of what is known of one image or label; the features of twenty networks are a tenth of it."""

IMAGE_COLUMNS, LABEL_COLUMNS = (", ".join(field.name for field in fields(row)) for row in (ImageRow, LabelRow))
PUT_IMAGE = f"INSERT OR REPLACE INTO images ({IMAGE_COLUMNS}) VALUES ({', '.join('?' * len(fields(ImageRow)))})"
PUT_LABEL = f"INSERT OR REPLACE INTO labels ({LABEL_COLUMNS}) VALUES ({', '.join('?' * len(fields(LabelRow)))})"
PUT_INFO = "INSERT OR REPLACE INTO infos VALUES (?, ?, ?)"


class Index:
    """One file, for all threads of one process.

    Raises:
        MammosegError: the file is none, or of another version.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(
                "PRAGMA synchronous = NORMAL"
            )  # whole after a kill; what power takes is found again
            (meaning,) = self._connection.execute("PRAGMA user_version").fetchone()
            if meaning not in (0, MEANING):
                raise MammosegError(f"{path} is of another version of mammoseg; move it away, it is made anew.")
            self._connection.executescript(f"{TABLES} PRAGMA user_version = {MEANING};")
            self._heal_texts()
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorname", "") in DAMAGED:
                reason = f"{path} is damaged ({error}); move it away, it is made anew from the images."
            else:
                reason = f"{path} cannot be opened ({error}); make room on its disk, and see who may write there."
            raise MammosegError(reason) from error

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def change(self, statement: str, *values: Any) -> int:
        """Run one statement for good; how many rows it changed."""
        with self._lock, self._connection:
            return self._connection.execute(statement, values).rowcount

    def list_sources(self) -> dict[str, str]:
        """Stamp of every source that was read: as long as it is the same, there is nothing new in there."""
        return dict(self.ask("SELECT source, stamp FROM sources"))

    def put_source(
        self,
        source: str,
        stamp: str,
        images: Iterable[ImageRow],
        labels: Iterable[LabelRow],
        *,
        gone: Iterable[str] = (),
    ) -> None:
        """Take over what a source holds now.

        Args:
            gone: ids of the labels that it held and holds no more; others stay, as one that was just sent there.
        """
        with self._lock, self._connection as connection:
            connection.execute("DELETE FROM images WHERE source = ?", (source,))
            connection.executemany("DELETE FROM labels WHERE label_id = ?", [(label_id,) for label_id in gone])
            connection.executemany(PUT_IMAGE, [astuple(image) for image in images])
            connection.executemany(PUT_LABEL, [astuple(label) for label in labels])
            connection.execute("INSERT OR REPLACE INTO sources VALUES (?, ?)", (source, stamp))

    def drop_sources(self, sources: Iterable[str]) -> None:
        """Forget what is in there no more, but for labels that are nowhere else."""
        with self._lock, self._connection as connection:
            for source in sources:
                connection.execute("DELETE FROM images WHERE source = ?", (source,))
                connection.execute("DELETE FROM labels WHERE source = ? AND is_stored", (source,))
                connection.execute("DELETE FROM sources WHERE source = ?", (source,))

    def find_source(self, uid: str) -> str:
        """Source of an image or a label; empty where there is none."""
        query = "SELECT source FROM images WHERE image_id = ? UNION ALL SELECT source FROM labels WHERE label_id = ?"
        return next((str(source) for (source,) in self.ask(query, uid, uid)), "")

    def list_image_ids(self) -> list[str]:
        """All images, by their ids."""
        return [image_id for (image_id,) in self.ask("SELECT image_id FROM images ORDER BY image_id")]

    def get_image(self, image_id: str) -> ImageRow | None:
        """One image."""
        found = self.ask(f"SELECT {IMAGE_COLUMNS} FROM images WHERE image_id = ?", image_id)
        return ImageRow(*found[0]) if found else None

    def find_only_image_of_series(self, series: str) -> ImageRow | None:
        """The image of a series that has no other."""
        found = self.ask(f"SELECT {IMAGE_COLUMNS} FROM images WHERE series = ? LIMIT 2", series)
        return ImageRow(*found[0]) if len(found) == 1 else None

    def list_images_of_study(self, study: str) -> list[ImageRow]:
        """All images of a study, by their ids."""
        found = self.ask(f"SELECT {IMAGE_COLUMNS} FROM images WHERE study = ? ORDER BY image_id", study)
        return [ImageRow(*row) for row in found]

    def put_label(self, label: LabelRow) -> None:
        """Add one label, or say something else of it."""
        self.change(PUT_LABEL, *astuple(label))

    def put_saved(self, label: LabelRow, info: Mapping[str, Any]) -> None:
        """Add a label that a person saved, with what is known of it, and end the lease of its image: all or nothing."""
        with self._lock, self._connection as connection:
            connection.execute(PUT_LABEL, astuple(label))
            connection.execute(PUT_INFO, ("label final", label.label_id, _encode_info(info)))
            connection.execute("DELETE FROM leases WHERE image_id = ?", (label.image_id,))

    def drop_saved(self, label_id: str) -> None:
        """Forget a label that `put_saved` added, and what is known of it."""
        with self._lock, self._connection as connection:
            connection.execute("DELETE FROM labels WHERE label_id = ?", (label_id,))
            connection.execute("DELETE FROM infos WHERE kind = 'label final' AND name = ?", (label_id,))

    def get_label(self, label_id: str) -> LabelRow | None:
        """One segmentation, whether it counts or not."""
        found = self.ask(f"SELECT {LABEL_COLUMNS} FROM labels WHERE label_id = ?", label_id)
        return LabelRow(*found[0]) if found else None

    def list_stored_labels(self, source: str) -> set[str]:
        """Ids of the segmentations that a source is known to hold."""
        query = "SELECT label_id FROM labels WHERE source = ? AND is_stored"
        return {label_id for (label_id,) in self.ask(query, source)}

    def list_labels_of(self, image_id: str) -> list[LabelRow]:
        """Labels of one image, the newest first."""
        query = f"SELECT {LABEL_COLUMNS} FROM labels WHERE image_id = ? ORDER BY seconds DESC, label_id"
        return [LabelRow(*row) for row in self.ask(query, image_id)]

    def list_newest_labels(self) -> list[LabelRow]:
        """The newest label of each image that has one, by the image's id."""
        columns = ", ".join(f"labels.{field.name}" for field in fields(LabelRow))
        query = f"SELECT {columns} FROM labels JOIN images USING (image_id) ORDER BY image_id, seconds, label_id DESC"
        return list({row[1]: LabelRow(*row) for row in self.ask(query)}.values())

    def get_info(self, kind: str, name: str) -> dict[str, Any]:
        """What was said of an image or a label."""
        found = self.ask("SELECT info FROM infos WHERE kind = ? AND name = ?", kind, name)
        return json.loads(found[0][0]) if found else {}

    def list_infos(self, kind: str) -> dict[str, dict[str, Any]]:
        """The same of all that were spoken of."""
        return {name: json.loads(info) for name, info in self.ask("SELECT name, info FROM infos WHERE kind = ?", kind)}

    def update_info(self, kind: str, name: str, info: Mapping[str, Any]) -> None:
        """Say more of an image or a label; a key that is there gets the new value."""
        self.change_info(kind, name, lambda known: known | dict(info))

    def change_info(self, kind: str, name: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
        """Say of an image or a label what a function makes of what was said; nobody says anything between."""
        with self._lock:
            self.put_info(kind, name, change(self.get_info(kind, name)))

    def put_info(self, kind: str, name: str, info: Mapping[str, Any]) -> None:
        """Say something of an image or a label in place of all that was said; what JSON cannot hold becomes text.

        Raises:
            InputRefusedError: ``E_PARAMS``, it is too long.
        """
        self.change(PUT_INFO, kind, name, _encode_info(info))

    def _heal_texts(self) -> None:
        """Write anew what was taken from clients once: half a character, which no answer can hold, is a '?'."""
        for kind, name, text in self.ask(r"SELECT kind, name, info FROM infos WHERE info LIKE '%\ud%'"):
            whole = json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace").decode()
            self.change(PUT_INFO, kind, name, whole)


def _encode_info(info: Mapping[str, Any]) -> str:
    text = json.dumps(dict(info), default=str, ensure_ascii=False, allow_nan=False)
    if len(text) > MOST_INFO:
        reason = f"what is noted of one image or label has more than {MOST_INFO} characters; note less of it."
        raise InputRefusedError("E_PARAMS", reason)
    return text
