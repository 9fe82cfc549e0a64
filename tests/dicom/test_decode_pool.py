"""The child that reads strangers' files: it may hang, die, grow or lie, and the parent keeps its head."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

from mammoseg.data.mammogram import read_mammogram
from mammoseg.dicom import read
from mammoseg.dicom.decode_pool import DecodePool, get_default_pool, parse_mask
from mammoseg.dicom.gate import decode, open_dicom
from mammoseg.dicom.grey import compute_grey_table, look_up
from mammoseg.dicom.read import read_header, read_texts
from mammoseg.errors import InputRefusedError, WrongCallError
from tests.made_dicom import write_mammogram
from tests.waiting import PATIENCE_SECONDS, is_running, wait_until

LOOP = "import sys, os, time, json\nfor line in sys.stdin.buffer:\n    "
ANSWER = "sys.stdout.buffer.write({!r}); sys.stdout.buffer.flush()"
LIMITED_WORKER = """
import sys, numpy as np
sys.path[:] = sys.argv[1:]
from mammoseg.data import decode_worker
decode_worker.ANSWERS["image"] = lambda **request: ({}, [np.ones(2**32, np.uint8)])
decode_worker.main()
"""
WRITING_WORKER = LIMITED_WORKER.replace(
    "({}, [np.ones(2**32, np.uint8)])", "decode_worker.Path(request['path']).write_text('x')"
)


def pool_of(code: str, *, seconds: float = PATIENCE_SECONDS) -> DecodePool:
    return DecodePool([sys.executable, "-c", code, *sys.path], seconds=seconds)


def refusal_of(pool: DecodePool, path: Path | str = "any") -> InputRefusedError:
    with closing(pool), pytest.raises(InputRefusedError) as refusal:
        pool.ask({"kind": "image", "path": str(path)})
    return refusal.value


def children_of(process: int | str) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_a_child_gives_the_pixels_that_decoding_in_this_process_gives(tmp_path):
    path = write_mammogram(tmp_path, np.random.default_rng(0).integers(0, 4096, (50, 40), np.uint16))
    dataset = open_dicom(path)
    expected = look_up(compute_grey_table(dataset, voi="first"), decode(dataset))
    np.testing.assert_array_equal(read_mammogram(path).pixels, expected)


def test_the_header_comes_back_whole_and_without_pixels(tmp_path):
    path = write_mammogram(tmp_path)
    expected = open_dicom(path)
    del expected.PixelData
    header = read_header(path)
    assert header == expected
    assert header.file_meta.TransferSyntaxUID == expected.file_meta.TransferSyntaxUID


def test_texts_are_read_from_the_first_part_of_a_file(tmp_path):
    path = write_mammogram(tmp_path, PatientID="Patient-1")
    path.write_bytes(path.read_bytes()[:-5])
    assert read_texts(path, ["PatientID", "StudyID"]) == {"PatientID": "Patient-1", "StudyID": ""}
    path.write_text("no DICOM")
    with pytest.raises(InputRefusedError, match="E_NOT_DICOM"):
        read_texts(path, ["PatientID"])


def test_a_refusal_crosses_with_code_and_reason(tmp_path):
    with pytest.raises(InputRefusedError, match="E_MODALITY: Modality is CT, not MG"):
        read_mammogram(write_mammogram(tmp_path, Modality="CT"))


def test_a_wrong_call_stays_a_wrong_call(tmp_path):
    with pytest.raises(WrongCallError, match="voi is 'last'"):
        read_mammogram(write_mammogram(tmp_path), voi="last")


def test_a_warning_crosses(tmp_path, caplog):
    read_mammogram(write_mammogram(tmp_path, WindowCenter=100, WindowWidth=0))
    assert "1 of 1 windows have no width" in caplog.text


def test_what_hangs_is_a_timeout():
    assert refusal_of(pool_of(LOOP + "time.sleep(2 * 10**6)", seconds=0.5)).code == "E_TIMEOUT"


def test_what_hangs_in_the_middle_of_its_answer_is_a_timeout():
    code = LOOP + ANSWER.format(b'{"bytes": 100, "notes": []}\n123') + "; time.sleep(60)"
    assert refusal_of(pool_of(code, seconds=1)).code == "E_TIMEOUT"


def test_a_crash_is_a_broken_decoder():
    assert refusal_of(pool_of(LOOP + "os.kill(os.getpid(), 11)")).code == "E_DECODER"


def test_a_child_that_died_while_idle_is_replaced(tmp_path):
    path = write_mammogram(tmp_path)
    read_mammogram(path)
    for child in get_default_pool()._idle:
        child._process.kill()
        child._process.wait()
    assert read_mammogram(path).pixels.shape == (3, 4)


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\n",
        b"[]\n",
        b"{}\n",
        b'{"bytes": -1, "notes": []}\n',
        b'{"bytes": 1e3, "notes": []}\n',
        b'{"bytes": 99999999999, "notes": []}\n',
        b'{"bytes": 0, "notes": [], "code": "rm -rf"}\n',
        b"[" * 60000 + b"\n",
    ],
    ids=["no JSON", "list", "empty", "negative", "float", "too long", "no code", "nested"],
)
def test_an_answer_without_sense_is_a_broken_decoder(answer):
    assert refusal_of(pool_of(LOOP + ANSWER.format(answer))).code == "E_DECODER"


def test_an_answer_without_end_of_line_is_a_broken_decoder():
    assert refusal_of(pool_of(LOOP + "sys.stdout.buffer.write(b'1' * 2**20)")).code == "E_DECODER"


FIELDS = {
    "shape": [1, 2],
    "dtype": "uint8",
    "table": 1,
    "laterality": "L",
    "view": "CC",
    "pixel_spacing_mm": [0.1, 0.1],
    "pixel_spacing_source": "ImagerPixelSpacing",
    "magnification": None,
    "padding": None,
    "sop_instance_uid": "1.2",
    "header": 0,
    "format": "DICOM",
    "sha256": "ab" * 32,
    "notes": [],
}
PAYLOAD = np.frombuffer(np.float32(7).tobytes() + b"\0\0", np.uint8)


@pytest.mark.parametrize(
    "lie",
    [
        {"shape": [2, 2]},
        {"shape": 3},
        {"dtype": "object"},
        {"dtype": "float16"},
        {"table": 0},
        {"table": "x"},
        {"laterality": "Secret"},
        {"view": {}},
        {"pixel_spacing_mm": [0, 1]},
        {"pixel_spacing_mm": [float("nan"), 1]},
        {"pixel_spacing_source": "Name"},
        {"magnification": -1},
        {"padding": [1]},
        {"sop_instance_uid": "../x"},
        {"header": 1},
        {"header": float("inf")},
        {"format": "../x"},
        {"sha256": "../x"},
    ],
    ids=str,
)
def test_a_mammogram_that_cannot_be_is_a_broken_decoder(lie):
    np.testing.assert_array_equal(read.parse_mammogram(FIELDS, PAYLOAD, Path("x")).pixels, [[7, 7]])
    with pytest.raises(InputRefusedError, match="E_DECODER: .*no sensible answer"):
        read.parse_mammogram(FIELDS | lie, PAYLOAD, Path("x"))


def test_a_header_that_is_no_header_is_a_broken_decoder(monkeypatch):
    monkeypatch.setattr(read, "ask_decoder", lambda *_, **__: ({}, PAYLOAD))
    with pytest.raises(InputRefusedError, match="E_DECODER"):
        read_header(Path("x"))


def test_more_memory_than_the_limit_is_refused():
    assert refusal_of(pool_of(LIMITED_WORKER)).code == "E_RESOURCES"


def test_a_child_cannot_write_a_file(tmp_path):
    assert refusal_of(pool_of(WRITING_WORKER), tmp_path / "out").reason.startswith("OSError")
    assert not (tmp_path / "out").stat().st_size


def test_a_child_is_used_again_and_replaced_in_the_end(tmp_path):
    path = write_mammogram(tmp_path)
    pool = DecodePool(files_per_child=2)
    seen = []
    for _ in range(3):
        pool.ask({"kind": "header", "path": str(path)})
        seen.append([child._process.pid for child in pool._idle])
    pool.close()
    assert [len(idle) for idle in seen] == [1, 0, 1]
    assert seen[0] != seen[2]


def test_a_child_that_was_started_ahead_is_the_one_that_answers(tmp_path):
    path = write_mammogram(tmp_path)
    with closing(DecodePool()) as pool:
        before = set(children_of(os.getpid()))
        pool.start()
        (ahead,) = set(children_of(os.getpid())) - before
        pool.ask({"kind": "texts", "path": str(path), "keywords": ["Modality"]})
        assert set(children_of(os.getpid())) - before == {ahead}


def test_where_no_child_can_be_started_ahead_who_asks_is_told():
    pool = DecodePool(["/none/such"])
    pool.start()
    assert refusal_of(pool).code == "E_RESOURCES"


def test_what_was_asked_ahead_is_answered_once_by_one_child(tmp_path):
    path = write_mammogram(tmp_path)
    other = path.rename(tmp_path / "other.dcm")
    write_mammogram(tmp_path)
    request = {"kind": "texts", "path": str(path), "keywords": ["Modality"]}
    with closing(DecodePool(files_per_child=1)) as pool:  # so that it is known whether a child answered
        pool.ask_ahead(request)
        pool._ahead[1].result()
        path.unlink()
        assert pool.ask(dict(request))[1].tobytes() == b'{"Modality": "MG"}'
        with pytest.raises(InputRefusedError, match="E_NOT_"):
            pool.ask(request)
        pool.ask_ahead(request)
        assert pool.ask(request | {"path": str(other)})[1].tobytes() == b'{"Modality": "MG"}'


def test_a_refusal_that_was_asked_ahead_reaches_who_asks(tmp_path):
    with closing(DecodePool()) as pool:
        pool.ask_ahead({"kind": "header", "path": str(tmp_path / "none")})
        with pytest.raises(InputRefusedError, match="E_NOT_"):
            pool.ask({"kind": "header", "path": str(tmp_path / "none")})


def test_two_threads_have_two_children(tmp_path):
    meet = f"open(os.path.join({str(tmp_path)!r}, str(os.getpid())), 'w').close()\n"
    meet += f"    while len(os.listdir({str(tmp_path)!r})) < 2: time.sleep(0.01)\n    "
    pool = pool_of(LOOP + meet + ANSWER.format(b'{"bytes": 0, "notes": []}\n'))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: pool.ask({}), range(4)))
    assert len(pool._idle) == 2
    pool.close()


def test_workers_of_a_data_loader_have_children_of_their_own(tmp_path):
    path = write_mammogram(tmp_path)
    here = read_mammogram(path).pixels
    items = [path] * 4
    loader = DataLoader(_Pixels(items), batch_size=None, num_workers=2, multiprocessing_context="fork")
    for pixels, children in loader:
        np.testing.assert_array_equal(pixels, here)
        assert children not in [[child._process.pid for child in get_default_pool()._idle]]
    np.testing.assert_array_equal(read_mammogram(path).pixels, here)


class _Pixels:
    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        pixels = read_mammogram(self.paths[index]).pixels
        return pixels, [child._process.pid for child in get_default_pool()._idle]


def test_a_fork_starts_without_children_and_with_a_lock_that_is_free(tmp_path):
    pool = DecodePool()
    pool.ask({"kind": "header", "path": str(write_mammogram(tmp_path))})
    with pool._lock:
        fork = os.fork()
        if fork == 0:
            os._exit(bool(pool._idle) or pool._lock.locked())
    assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 0
    assert pool._idle[0].is_alive()
    pool.close()


def test_ctrl_c_does_not_reach_a_child(tmp_path):
    with closing(DecodePool()) as pool:
        pool.start()
        assert os.getsid(pool._idle[0]._process.pid) != os.getsid(0)


def test_a_killed_parent_leaves_no_orphan(tmp_path):
    code = "import sys; sys.path[:] = sys.argv[2:]\nfrom pathlib import Path\n"
    code += "from mammoseg.data.mammogram import read_mammogram\n"
    code += "read_mammogram(Path(sys.argv[1])); print('read', flush=True); input()"
    command = [sys.executable, "-c", code, str(write_mammogram(tmp_path)), *sys.path]
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout.readline() == b"read\n"
    (child,) = children_of(parent.pid)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_until(lambda: not is_running(child), "the child ends")


def test_a_child_that_is_busy_with_what_was_asked_ahead_ends_with_its_parent():
    code = "import sys, time\nfrom mammoseg.dicom.decode_pool import DecodePool\n"
    code += f"pool = DecodePool([sys.executable, '-c', {LOOP + 'time.sleep(600)'!r}])\n"
    code += "pool.ask_ahead({})\nwhile not pool._busy: time.sleep(0.01)\n"
    code += "(child,) = pool._busy\nprint(child._process.pid)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=PATIENCE_SECONDS)
    wait_until(lambda: not is_running(int(ended.stdout)), "the child ends")


def test_fifty_files_leak_no_descriptor(tmp_path):
    good, bad = write_mammogram(tmp_path), tmp_path / "bad.dcm"
    bad.write_bytes(good.read_bytes()[:400])
    pool = DecodePool(files_per_child=20)
    pool.ask({"kind": "header", "path": str(good)})
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(25):
        pool.ask({"kind": "header", "path": str(good)})
        with pytest.raises(InputRefusedError, match="E_TRUNCATED"):
            pool.ask({"kind": "header", "path": str(bad)})
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    pool.close()


def test_a_child_starts_without_torch_and_monai():
    code = "import sys; import mammoseg.data.decode_worker; print({'torch', 'monai', 'highdicom'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_modules_are_not_looked_for_in_the_working_folder(tmp_path, monkeypatch):
    path = write_mammogram(tmp_path)
    (tmp_path / "pydicom.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    pool = DecodePool()
    pool.ask({"kind": "header", "path": str(path)})
    pool.close()


@pytest.mark.parametrize("shape", [[float("inf"), 1], [10**400, 1], [[], 1]], ids=str)
def test_a_mask_of_a_shape_that_cannot_be_is_a_broken_decoder(shape):
    fields = {"shape": shape, "dtype": "uint8", "remarks": []}
    with pytest.raises(InputRefusedError, match="E_DECODER: .*no sensible answer"):
        parse_mask(fields, PAYLOAD)
