"""Mammograms out of an archive: found by QIDO-RS (PS3.18 10.6), fetched by WADO-RS into a folder."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import requests
from tqdm import tqdm

from mammoseg.archives.dicomweb.client import Archive, ArchiveError, Instance, connect
from mammoseg.archives.dicomweb.retrieve import (
    MISSING_STATUSES,
    RefusedInstanceError,
    is_whole,
    retrieve_listed,
)
from mammoseg.counts import format_count
from mammoseg.data.identifiers import hash_with_key, load_key, locate_key_file
from mammoseg.dicom.gate import is_uid
from mammoseg.dicom.parse import MOST_BYTES
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.errors import NothingUsableError, WrongCallError
from mammoseg.mammogram import MODALITIES, list_modalities

if TYPE_CHECKING:
    from typing import Unpack  # Python 3.11; the runtime distribution has 3.10, too

logger = logging.getLogger(__name__)

PAGE = 500
"""Search results asked for at a time."""

MOST_RESULTS = 100_000
"""Of one search; an archive that answers without end is stopped here."""

UNKNOWN_KEY_STATUSES = (400, 422)
"""Answers to a search by a key that the archive does not know; some know no ModalitiesInStudy, by design."""

OPTIONS = {"StudyInstanceUID": "--study", "PatientID": "--patient", "StudyDate": "--date"}
"""How the command line calls the attributes that studies are searched by."""

STUDY, SERIES, SOP, MODALITY = "0020000D", "0020000E", "00080018", "00080060"
PATIENT, DATE = "00100020", "00080020"


class Search(TypedDict, total=False):
    """What is searched for in an archive: arguments of `find_mammograms`, which refuses any other.

    Attributes:
        modalities: DICOM modalities of the series to take, see `list_modalities`.
        study: Study Instance UID.
        patient: Patient ID; ``*`` and ``?`` match as DICOM says, PS3.4 C.2.2.2.4.
        date: Study Date ``20240131``, or a range ``20240101-20240131``, open at one end if you like.
    """

    modalities: str | Sequence[str]
    study: str | None
    patient: str | None
    date: str | None


class RefusedSearchError(ArchiveError):
    """The archive answers, but refuses the search for good.

    Args:
        status: status code of HTTP, None where there is none.
    """

    def __init__(self, name: str, status: int | None) -> None:
        super().__init__(f"{name} refuses the search{'' if status is None else f' (HTTP {status})'}.")
        self.status = status


def fetch_studies(
    url: str,
    folder: Path | str,
    *,
    user: str | None = None,
    ca_bundle: str | Path | None = None,
    **search: "Unpack[Search]",
) -> list[Path]:
    """Fetch the mammograms of an archive; see `connect`, `require_mammograms` and `fetch`.

    Raises:
        WrongCallError: the address, a filter or the password is wrong.
        NothingUsableError: no study matches, or none that does has such series; the text says which.
        ArchiveError: not all that was found could be fetched.
    """
    archive = connect(url, user=user, ca_bundle=ca_bundle)
    return fetch(archive, require_mammograms(archive, **search), Path(folder))


def require_mammograms(archive: Archive, **search: "Unpack[Search]") -> list[Instance]:
    """What `find_mammograms` finds, which must be something.

    Raises:
        NothingUsableError: no study matches, or none that does has such series; the text says which.
        WrongCallError, ArchiveError: see `find_mammograms`.
    """
    found = find_mammograms(archive, **search)
    if not found:
        raise NothingUsableError(_say_why_nothing(archive, **search))
    return found


@no_header_values_in_warnings()
def find_mammograms(
    archive: Archive,
    *,
    modalities: str | Sequence[str] = MODALITIES,
    study: str | None = None,
    patient: str | None = None,
    date: str | None = None,
) -> list[Instance]:
    """Find the instances of all series of these modalities, study by study, each once.

    Args: see `Search`.

    Raises:
        WrongCallError: `study` is no UID, or `date` no date.
        ArchiveError: the archive does not answer, or not in DICOM JSON.
    """
    wanted = set(list_modalities(modalities))
    unsaid = ""  # of a series whose Modality the archive does not give: its files say it
    filters = _build_filters(study=study, patient=patient, date=date)
    left_out: list[str] = []
    found: dict[str, Instance] = {}
    client = archive.client
    if filters.keys() == {"StudyInstanceUID"}:
        studies = [filters["StudyInstanceUID"]]
    else:
        answers = _leave_out_others(find_studies(archive, sorted(wanted), filters), filters)
        studies = list(dict.fromkeys(_read_uids(answers, STUDY, left_out)))
    for study_uid in studies:
        series = list_series(archive, study_uid)
        of_interest = (answer for answer in series if read_first_value(answer, MODALITY) in {*wanted, unsaid})
        for series_uid in _read_uids(of_interest, SERIES, left_out):
            address = {"study_instance_uid": study_uid, "series_instance_uid": series_uid}
            instances = list_results(archive, client.search_for_instances, SOP, **address)
            for sop in _read_uids(instances, SOP, left_out):
                if found.setdefault(sop, here := Instance(study_uid, series_uid, sop)) != here:
                    left_out.append("SOP Instance UID")
    if left_out:
        logger.error("%d answers are left out: their UID is no UID, or is in the archive twice.", len(left_out))
    return list(found.values())


def fetch(archive: Archive, instances: Sequence[Instance], folder: Path, *, most_bytes: int = MOST_BYTES) -> list[Path]:
    """Fetch instances into `folder`, see `fetch_what_comes`; all must come.

    Raises:
        MammosegError: the key of this user cannot be used, see `load_key`.
        ArchiveError: some could not be fetched; the others are in the folder, and another call goes on from there.
    """
    paths, refused = fetch_what_comes(archive, instances, folder, most_bytes=most_bytes)
    if refused:
        first = next(iter(refused.values()))
        raise ArchiveError(
            f"{first} {len(paths)} of {format_count(len(instances), 'image')} came and are kept in {folder}."
        )
    return paths


@no_header_values_in_warnings()
def fetch_what_comes(
    archive: Archive, instances: Sequence[Instance], folder: Path, *, most_bytes: int = MOST_BYTES
) -> tuple[list[Path], dict[Path, str]]:
    """Fetch instances into `folder`, each named by the keyed hash of its UID; one that is there and whole is kept.

    Returns:
        Paths of those that came, and why the archive refuses each of the others, by the path that it would have.

    Raises:
        MammosegError: the key of this user cannot be used, see `load_key`.
        ArchiveError: the archive does not answer any more; another call goes on from there.
    """
    key = load_key(locate_key_file())
    paths: list[Path] = []
    refused: dict[Path, str] = {}
    for instance in tqdm(instances, unit="image", desc="fetch", disable=None):
        path = folder / f"{hash_with_key(instance.sop, key)}.dcm"
        try:
            if not is_whole(path, instance):
                retrieve_listed(archive, instance, path, most_bytes=most_bytes)
        except RefusedInstanceError as error:
            refused[path] = str(error)
        except ArchiveError as error:
            raise ArchiveError(
                f"{error} {len(paths)} of {format_count(len(instances), 'image')} came; call again to go on."
            ) from None
        else:
            paths.append(path)
    return paths, refused


@no_header_values_in_warnings()
def _say_why_nothing(archive: Archive, *, modalities: str | Sequence[str] = MODALITIES, **selection: str | None) -> str:
    """Whether it is the studies or their images that are not there; no value that was searched for is repeated."""
    filters = _build_filters(**selection)
    series = list_series(archive, filters["StudyInstanceUID"]) if filters.keys() == {"StudyInstanceUID"} else ()
    matching = chain(series, list_results(archive, archive.client.search_for_studies, STUDY, search_filters=filters))
    given = " and ".join(OPTIONS[keyword] for keyword in filters) or "the whole archive"
    if next(_leave_out_others(matching, filters), None) is None:
        return f"{archive.name} has no study that fits {given}."
    wanted = ",".join(list_modalities(modalities))
    return (
        f"{archive.name} has studies that fit {given}, but none with a series of {wanted}; --modalities names others."
    )


def _build_filters(*, study: str | None = None, patient: str | None = None, date: str | None = None) -> dict[str, str]:
    """Attributes to match; values from a command line may come as numbers."""
    if study is not None and not is_uid(str(study)):
        raise WrongCallError("--study is no UID; give a Study Instance UID, digits and dots.")
    if date is not None and not _is_date(str(date)):
        raise WrongCallError(f"--date {date} is no date; write 20240131, or a range 20240101-20240131.")
    given = zip(OPTIONS, (study, patient, date), strict=True)
    return {keyword: str(value) for keyword, value in given if value is not None}


def _is_date(text: str) -> bool:
    """Whether it is a day, or a range of days of which one may be left out, PS3.4 C.2.2.2.5.1."""
    if not re.fullmatch(r"\d{8}|\d{8}-(\d{8})?|-\d{8}", text):
        return False
    try:
        days = [datetime.strptime(day, "%Y%m%d") for day in text.split("-") if day]
    except ValueError:
        return False
    return days == sorted(days)


def _leave_out_others(answers: Iterable[dict[str, Any]], filters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The answers to a search that say nothing else than what was searched for; others are counted in the log."""
    others = 0
    for answer in answers:
        if _fits(answer, filters):
            yield answer
        else:
            others += 1
    if others:
        logger.error("%d answers are left out: the archive gives them, and they are not what was searched for.", others)


def _fits(answer: dict[str, Any], filters: Mapping[str, str]) -> bool:
    """Whether what an answer says of the attributes searched by is what was searched for, PS3.4 C.2.2.2.

    Blanks around a Patient ID and its letters' case, which some archives take for the same, tell nothing apart.
    """
    study, patient, date = (read_first_value(answer, tag).strip() for tag in (STUDY, PATIENT, DATE))
    first, _, last = filters.get("StudyDate", "").partition("-")
    last = last if "-" in filters.get("StudyDate", "") else first
    pattern = re.escape(filters.get("PatientID", "").strip()).replace(r"\*", ".*").replace(r"\?", ".")
    return (
        study in ("", filters.get("StudyInstanceUID", study))
        and (not patient or not pattern or bool(re.fullmatch(pattern, patient, re.IGNORECASE | re.DOTALL)))
        and (not re.fullmatch(r"\d{8}", date) or first <= date <= (last or date))
    )


def find_studies(
    archive: Archive, modalities: Sequence[str], filters: Mapping[str, str], **query: Any
) -> Iterator[dict[str, Any]]:
    """Studies that may have series of these modalities, one perhaps twice; the Modality of each series decides.

    They are searched by ModalitiesInStudy. An archive that does not know this key refuses it or finds nothing by it;
    then all studies that fit `filters` are given.
    """
    search = archive.client.search_for_studies
    knows_key = False
    try:
        for modality in modalities:
            matching = {**filters, "ModalitiesInStudy": modality}
            for study in list_results(archive, search, STUDY, search_filters=matching, **query):
                knows_key = True
                yield study
    except RefusedSearchError as error:
        if error.status not in UNKNOWN_KEY_STATUSES:
            raise
        knows_key = False
    if not knows_key:
        yield from list_results(archive, search, STUDY, search_filters=filters, **query)


def list_series(archive: Archive, study: str) -> Iterator[dict[str, Any]]:
    """The series of a study; none where the archive has no such study."""
    try:
        yield from list_results(archive, archive.client.search_for_series, SERIES, study_instance_uid=study)
    except RefusedSearchError as error:
        if error.status not in MISSING_STATUSES:
            raise


def list_instances(archive: Archive, study: str, *, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The instances of a study, each with UID and Modality of its series.

    That is one request where the archive gives both with an instance, else one for each series.

    Args:
        fields: tags of further attributes that are wanted.
    """
    search = archive.client.search_for_instances
    found: list[dict[str, Any]] = []
    with suppress(RefusedSearchError):  # some archives know the instances of a series only
        found = list(list_results(archive, search, SOP, study_instance_uid=study, fields=[MODALITY, *fields]))
    if found and all(instance.keys() >= {SOP, SERIES, MODALITY} for instance in found):
        yield from found
        return
    for series in list_series(archive, study):
        of_series = {tag: series[tag] for tag in (SERIES, MODALITY) if tag in series}
        if is_uid(uid := read_first_value(series, SERIES)):
            address = {"study_instance_uid": study, "series_instance_uid": uid}
            pages = list_results(archive, search, SOP, **address, fields=fields)
            yield from (instance | of_series for instance in pages)


def list_results(
    archive: Archive, search: Callable[..., list[Any]], key: str, **query: Any
) -> Iterator[dict[str, Any]]:
    """All results of a search, page after page, until one brings nothing new.

    Where that is so after one full page, the archive may not know the offset (Orthanc 1.10 gives nothing behind it in a
    search by modality); then it is asked for ten times as many from the beginning.

    Raises:
        RefusedSearchError: the archive refuses the search.
        ArchiveError: it answers with no DICOM JSON, or with more than `MOST_RESULTS`.
    """
    seen: set[str] = set()
    limit, offset = PAGE, 0
    while len(seen) < MOST_RESULTS:
        try:
            page = search(limit=limit, offset=offset, **query)
        except requests.HTTPError as error:
            status = None if error.response is None else error.response.status_code
            raise RefusedSearchError(archive.name, status) from None
        except (requests.exceptions.JSONDecodeError, RecursionError):
            page = None
        if not isinstance(page, list) or not all(isinstance(answer, dict) for answer in page):
            raise ArchiveError(f"{archive.name} answers a search with no DICOM JSON; check the address.")
        new = [answer for answer in page if read_first_value(answer, key) not in seen]
        if not new:
            if offset != limit:
                return
            limit, offset = 10 * limit, 0
            continue
        seen.update(read_first_value(answer, key) for answer in new)
        offset += len(page)
        yield from new
    raise ArchiveError(f"{archive.name} finds more than {MOST_RESULTS}; narrow the search by --date or --patient.")


def _read_uids(answers: Iterator[dict[str, Any]], tag: str, left_out: list[str]) -> Iterator[str]:
    """The valid UIDs of search results; one that breaks the grammar could be a path, and is counted instead."""
    for answer in answers:
        uid = read_first_value(answer, tag)
        if is_uid(uid):
            yield uid
        else:
            left_out.append(tag)


def read_first_value(answer: dict[str, Any], tag: str) -> str:
    """First value of an attribute in DICOM JSON (PS3.18 F.2), empty where there is none or no text."""
    element = answer.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values and isinstance(values[0], str) else ""
