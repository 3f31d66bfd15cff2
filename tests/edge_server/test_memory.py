from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from edge_server import memory

# Threads that each had pictures below glibc's threshold in their hands and let them go again.
GROWTH = """
import sys, threading
from pathlib import Path
from edge_server import memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

if "bound" in sys.argv:
    memory.bound()
together = threading.Barrier(16)

def work():
    for _ in range(20):
        pictures = [bytes(100_000) for _ in range(20)]
        together.wait()
    last.append(bytes(90_000))  # on top of what was freed, which so can't shrink
    together.wait()
    stay.wait()

last, stay = [], threading.Event()
before = resident()
threads = [threading.Thread(target=work) for _ in range(16)]
for thread in threads:
    thread.start()
while len(last) < 16:
    pass
if "trim" in sys.argv:
    memory.trim()
print(resident() - before)
stay.set()
"""


def growth(*words: str) -> int:
    """Bytes that the threads' memory still takes, though they have let go of their pictures."""
    command = [sys.executable, "-c", GROWTH, *words]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps less")
def test_threads_that_let_go_of_pictures_keep_no_memory_each() -> None:
    assert growth("bound") < 0.7 * growth()


def test_memory_that_is_free_is_given_back() -> None:
    assert growth("bound", "trim") <= growth("bound")


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    memory._glibc.cache_clear()
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    memory.bound()
    memory.trim()
    memory._glibc.cache_clear()


def test_it_trims_at_most_every_second_and_only_after_work(monkeypatch: pytest.MonkeyPatch) -> None:
    trimmed: list[int] = []
    monkeypatch.setattr(memory, "trim", lambda: trimmed.append(1))
    trimming = memory.Trimming()
    trimming.look(100.0)
    assert not trimmed
    trimming.worked()
    trimming.look(101.0)
    trimming.worked()
    trimming.look(101.5)
    assert len(trimmed) == 1
    trimming.look(102.5)
    trimming.look(110.0)
    assert len(trimmed) == 2
