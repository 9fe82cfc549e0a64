"""Memory in use, on Linux."""

from pathlib import Path

import psutil


def read_status_bytes(field: str, process: int | str = "self") -> int:
    """An entry of ``/proc/PROCESS/status``, such as ``VmRSS``, or ``VmHWM`` for the peak."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return int(status[field].split()[0]) * 1024


def forget_peak(process: int | str = "self") -> None:
    """Let ``VmHWM`` begin anew with what is in use now."""
    Path(f"/proc/{process}/clear_refs").write_text("5")


def measure_family_mib(process: psutil.Process) -> float:
    """Proportional memory of a process and all below it, in MiB.

    Raises:
        psutil.NoSuchProcess: one of them ended meanwhile.
    """
    family = (process, *process.children(recursive=True))
    return sum(member.memory_full_info().pss for member in family) / 2**20
