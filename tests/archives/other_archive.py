"""A sound archive that keeps PS3.18 in other ways than Orthanc: what it can be asked for, and how it sends files."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pydicom
from pydicom import Dataset

from mammoseg.archives.dicomweb.multipart import encode_parts
from tests.archives.fake_archive import Request, dicom_json

Reply = Callable[[Request], None]

SERIES_LEVEL = {"0020000E", "00080060"}


def refuse(status: int) -> Reply:
    return lambda request: request.reply(status)


def find_nothing(request: Request) -> None:
    request.reply_json([])


def send_multipart(request: Request, content: bytes) -> None:
    body, content_type = encode_parts([content])
    request.reply(200, body, content_type)


@dataclass
class OtherArchive:
    """Answers for `fake_archive`.

    Attributes:
        files: that it holds.
        by_modality: answers a search by ModalitiesInStudy.
        instances_of_study: answers a search for all instances of a study; None lists them as those of a series.
        send: sends an instance.
        of_series: tags that it gives of a series.
    """

    files: list[Path]
    by_modality: Reply = find_nothing
    instances_of_study: Reply | None = None
    send: Callable[[Request, bytes], None] = send_multipart
    of_series: set[str] = field(default_factory=lambda: set(SERIES_LEVEL))
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> None:
        address = urlsplit(request.path)
        query, place = parse_qs(address.query), address.path.strip("/").split("/")
        self.asked.append(address.path)
        held = [(path, pydicom.dcmread(path)) for path in self.files]
        held = [(path, data) for path, data in held if {data.StudyInstanceUID, *place[1:2]} == {data.StudyInstanceUID}]
        held = [
            (path, data) for path, data in held if {data.SeriesInstanceUID, *place[3:4]} == {data.SeriesInstanceUID}
        ]
        held = [(path, data) for path, data in held if {data.SOPInstanceUID, *place[5:6]} == {data.SOPInstanceUID}]
        wanted = query.get("StudyInstanceUID")
        held = [(path, data) for path, data in held if wanted in (None, [data.StudyInstanceUID])]
        if "ModalitiesInStudy" in query:
            self.by_modality(request)
        elif place[-1] == "instances" and len(place) == 3 and self.instances_of_study is not None:
            self.instances_of_study(request)
        elif len(place) == 6:
            self.send(request, held[0][0].read_bytes()) if held else request.reply(204)
        else:
            answers = {str(answer): answer for answer in (self._answer(place[-1], data) for _, data in held)}
            request.reply_json(list(answers.values()) if query["offset"] == ["0"] else [])

    def _answer(self, level: str, data: Dataset) -> dict[str, object]:
        if level == "studies":
            return dicom_json(t0020000D=data.StudyInstanceUID)
        if level == "series":
            all_tags = dicom_json(t0020000E=data.SeriesInstanceUID, t00080060=data.Modality)
            return {tag: all_tags[tag] for tag in sorted(self.of_series)}
        return dicom_json(t00080016=data.SOPClassUID, t00080018=data.SOPInstanceUID)
