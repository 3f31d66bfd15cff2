"""How much memory a process takes, and how much this machine has left for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_CGROUPS: Final = Path("/sys/fs/cgroup")


def peak_megabytes() -> int | None:
    """The largest resident size of this process so far, in 10^6 bytes; None where the system does
    not say."""
    with suppress(OSError, KeyError, ValueError):
        # Unlike getrusage's, this figure does not begin with the size of the parent process.
        return round(_kilobytes(_PROC / "self/status")["VmHWM"] * 1024 / 1e6)
    try:
        import resource  # noqa: PLC0415  not there on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes of 1024, macOS bytes.
    return round(peak / 1e6) if sys.platform == "darwin" else round(peak * 1024 / 1e6)


def resident_bytes(process: int) -> int:
    """The resident size of a process now; 0 where the system does not say."""
    with suppress(OSError, KeyError, ValueError):
        return _kilobytes(_PROC / f"{process}/status")["VmRSS"] * 1024
    return 0


def cpu_seconds(process: int) -> float | None:
    """Processor time of all threads of a process so far; None where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        # The name, in parentheses, may contain blanks. Source: proc_pid_stat(5), fields 14 and 15.
        fields = (_PROC / f"{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return None


def available_bytes() -> int | None:
    """What can be taken without driving others out: free memory and swap of the machine, or of
    this process's control group where that has less. None where the system does not say."""
    try:
        machine = _kilobytes(_PROC / "meminfo")
        free = (machine["MemAvailable"] + machine.get("SwapFree", 0)) * 1024
    except (OSError, KeyError, ValueError):
        return None
    return min([free, *_left_in_groups()])


def _left_in_groups() -> Iterator[int]:
    """What each control group (version 2) that this process is in leaves, where it has a limit."""
    try:
        lines = (_PROC / "self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        if not line.startswith("0::"):
            continue
        group = _CGROUPS / line[3:].strip("/")
        for folder in (group, *group.parents):
            with suppress(OSError, ValueError, KeyError):
                limit = int((folder / "memory.max").read_text())
                used = int((folder / "memory.current").read_text())
                words = (folder / "memory.stat").read_text().split()
                # Pages of files that nobody has used lately are given up first.
                yield limit - used + int(words[words.index("inactive_file") + 1])


def _kilobytes(file: Path) -> dict[str, int]:
    """The lines `Name: 123 kB` of a file of /proc."""
    words = (line.split() for line in file.read_text().splitlines())
    return {line[0].rstrip(":"): int(line[1]) for line in words if line[2:] == ["kB"]}
