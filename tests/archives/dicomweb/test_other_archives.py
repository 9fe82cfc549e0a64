"""Archives that know fewer search keys than Orthanc, or send files in another way."""

import pydicom
import pytest

from mammoseg.archives.dicomweb.client import ArchiveError, Instance
from mammoseg.archives.dicomweb.fetch import fetch, fetch_studies, find_mammograms, list_instances
from mammoseg.archives.dicomweb.store import store
from mammoseg.errors import NothingUsableError
from tests.archives.fake_archive import dicom_json, fake_archive
from tests.archives.made_study import write_view
from tests.archives.other_archive import OtherArchive, find_nothing, refuse

IGNORANT = {f"HTTP {status}": refuse(status) for status in (400, 422, 204)} | {"an empty list": find_nothing}
"""What archives that do not know ModalitiesInStudy answer to a search by it."""


def address_of(path):
    data = pydicom.dcmread(path)
    return Instance(data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID)


@pytest.fixture
def mammogram(tmp_path):
    return write_view(tmp_path, 1, study="1")


@pytest.fixture
def tomogram(tmp_path):
    return write_view(tmp_path, 2, study="2", attributes={"Modality": "CT"})


@pytest.mark.parametrize("by_modality", IGNORANT.values(), ids=IGNORANT)
def test_mammograms_are_found_where_studies_cannot_be_searched_by_modality(by_modality, mammogram, tomogram):
    with fake_archive(OtherArchive([tomogram, mammogram], by_modality=by_modality)) as (archive, _):
        assert find_mammograms(archive) == [address_of(mammogram)]
        assert find_mammograms(archive, modalities="CT") == [address_of(tomogram)]
        assert find_mammograms(archive, modalities="MG,CT") == [address_of(tomogram), address_of(mammogram)]


def test_series_whose_modality_is_not_given_are_looked_into(mammogram):
    with fake_archive(OtherArchive([mammogram], of_series={"0020000E"})) as (archive, _):
        assert find_mammograms(archive) == [address_of(mammogram)]


def test_another_refusal_than_that_of_a_key_is_no_reason_to_search_without_it(mammogram):
    held = OtherArchive([mammogram], by_modality=refuse(405))
    with fake_archive(held) as (archive, _), pytest.raises(ArchiveError, match=r"refuses the search \(HTTP 405\)"):
        find_mammograms(archive)
    assert held.asked == ["/studies"]


def test_a_named_study_is_not_searched_for(mammogram, tomogram):
    held = OtherArchive([mammogram, tomogram], by_modality=refuse(400))
    here = address_of(mammogram)
    with fake_archive(held) as (archive, _):
        assert find_mammograms(archive, study=here.study) == [here]
    assert "/studies" not in held.asked


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({"patient": "1234"}, ["1.2.1", "1.2.4"]),
        ({"patient": "12*"}, ["1.2.1", "1.2.2", "1.2.4"]),
        ({"patient": "?b.4"}, ["1.2.3", "1.2.4"]),
        ({"patient": ""}, ["1.2.1", "1.2.2", "1.2.3", "1.2.4"]),
        ({"date": "20240131"}, ["1.2.1", "1.2.4"]),
        ({"date": "20240131-20240201"}, ["1.2.1", "1.2.2", "1.2.4"]),
        ({"date": "20240201-"}, ["1.2.2", "1.2.3", "1.2.4"]),
        ({"date": "-20240131"}, ["1.2.1", "1.2.4"]),
        ({"patient": "1234", "date": "20240201-"}, ["1.2.4"]),
        ({"patient": "1234", "study": "1.2.2"}, []),
        ({"patient": "none", "date": "20250101"}, ["1.2.4"]),
    ],
)
def test_what_was_not_searched_for_is_left_out_where_an_archive_ignores_a_search(search, found, caplog):
    """Of the last study it gives neither patient nor date."""
    held = {"1.2.1": ("1234 ", "20240131"), "1.2.2": ("12345", "20240201"), "1.2.3": ("AB.4", "20240202")}
    studies = [dicom_json(t0020000D=uid, t00100020=one, t00080020=day) for uid, (one, day) in held.items()]

    def ignore_search(request):
        place = request.path.partition("?")[0].strip("/").split("/")
        levels = {
            "studies": [*studies, dicom_json(t0020000D="1.2.4")],
            "series": [dicom_json(t0020000E="1.3", t00080060="MG")],
            "instances": [dicom_json(t00080018=f"{place[1:2] and place[1]}.9")],
        }
        request.reply_json(levels[place[-1]] if "offset=0" in request.path else [])

    with fake_archive(ignore_search) as (archive, _):
        assert [instance.study for instance in find_mammograms(archive, **search)] == found
    count = 4 - len(found)
    assert (f"{count} answers are left out: the archive gives them" in caplog.text) == (count > 0)


def test_studies_that_were_not_searched_for_are_none_that_fit(tmp_path):
    def ignore_search(request):
        request.reply_json([dicom_json(t0020000D="1.2", t00100020="5678")] if "offset=0" in request.path else [])

    with (
        fake_archive(ignore_search) as (archive, _),
        pytest.raises(NothingUsableError, match="no study that fits --pat"),
    ):
        fetch_studies(archive.url, tmp_path, patient="1234")


@pytest.mark.parametrize("by_modality", IGNORANT.values(), ids=IGNORANT)
def test_why_nothing_is_found_is_said_of_series_that_were_looked_at(by_modality, tomogram, tmp_path):
    with fake_archive(OtherArchive([tomogram], by_modality=by_modality)) as (archive, _):
        for study, given in ((None, "the whole archive"), (address_of(tomogram).study, "--study")):
            with pytest.raises(NothingUsableError, match=f"has studies that fit {given}, but none with a series of MG"):
                fetch_studies(archive.url, tmp_path / "in", study=study)
        with pytest.raises(NothingUsableError, match="has no study that fits --study"):
            fetch_studies(archive.url, tmp_path / "in", study="1.2.3")


def test_address_of_no_archive_has_not_merely_no_such_study(tmp_path):
    with fake_archive(refuse(404)) as (archive, _), pytest.raises(ArchiveError, match=r"refuses .* \(HTTP 404\)"):
        fetch_studies(archive.url, tmp_path, study="1.2.3")


@pytest.mark.parametrize(
    "instances_of_study", [refuse(400), find_nothing, None], ids=["HTTP 400", "an empty list", "-"]
)
def test_instances_have_series_and_modality_where_the_archive_gives_neither_with_them(mammogram, instances_of_study):
    here = address_of(mammogram)
    with fake_archive(OtherArchive([mammogram], instances_of_study=instances_of_study)) as (archive, _):
        (found,) = list_instances(archive, here.study, fields=[])
    assert [found[tag]["Value"] for tag in ("0020000E", "00080060", "00080018")] == [[here.series], ["MG"], [here.sop]]


def bare(request, content):
    request.reply(200, content, "application/dicom")


def bare_in_chunks(request, content, *, end=b"0\r\n\r\n"):
    request.send_response(200)
    request.send_header("Content-Type", "application/dicom; transfer-syntax=1.2.840.10008.1.2.1")
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    for start in range(0, len(content), 1000):
        piece = content[start : start + 1000]
        request.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
    request.wfile.write(end)
    request.close_connection = True


def bare_until_the_connection_ends(request, content):
    request.send_response(200)
    request.send_header("Content-Type", "Application/DICOM")
    request.end_headers()
    request.wfile.write(content)
    request.close_connection = True


@pytest.mark.parametrize("send", [bare, bare_in_chunks, bare_until_the_connection_ends])
def test_a_file_that_comes_bare_is_taken(send, mammogram, tmp_path):
    with fake_archive(OtherArchive([mammogram], send=send)) as (archive, _):
        (fetched,) = fetch(archive, [address_of(mammogram)], tmp_path / "in")
    assert fetched.read_bytes() == mammogram.read_bytes()


def cut_between_chunks(request, content):
    bare_in_chunks(request, content[:2000], end=b"")


def cut_in_a_chunk(request, content):
    bare_in_chunks(request, content[:2000], end=b"3e8\r\nhalf")


def cut_where_the_connection_ends(request, content):
    bare_until_the_connection_ends(request, content[:-10])


@pytest.mark.parametrize("send", [cut_between_chunks, cut_in_a_chunk, cut_where_the_connection_ends])
def test_a_bare_file_that_is_cut_is_not_taken(send, mammogram, tmp_path):
    with fake_archive(OtherArchive([mammogram], send=send)) as (archive, server):
        with pytest.raises(ArchiveError, match="breaks off its answer, in 3 attempts"):
            fetch(archive, [address_of(mammogram)], tmp_path / "in")
    assert len(server.requests) == 3
    assert list((tmp_path / "in").iterdir()) == []


def test_no_content_is_an_instance_that_is_not_there(mammogram, tmp_path):
    with fake_archive(OtherArchive([])) as (archive, _):
        with pytest.raises(ArchiveError, match="lists an instance and does not have it"):
            fetch(archive, [address_of(mammogram)], tmp_path / "in")


def test_no_content_is_no_reason_not_to_store(mammogram):
    def answer(request):
        if request.command == "GET":
            return request.reply(204)
        done = {"00081155": {"vr": "UI", "Value": [address_of(mammogram).sop]}}
        return request.reply_json({"00081199": {"vr": "SQ", "Value": [done]}})

    with fake_archive(answer) as (archive, _):
        assert store([mammogram], archive)[0].ok
