"""TensorFlow's converter as a child: bounded, never left behind, and its end is a sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from convert import converter_process, memory
from convert.console import Console
from convert.converter_process import ConverterDied, Limits


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """A child that is still loading TensorFlow when it is asked, and none afterwards."""
    converter_process.stop()
    yield
    converter_process.stop()


def ask(console: Console | None = None, **options: Any) -> dict[str, Any]:
    request = {"action": "convert", "model": "/nowhere/m.tflite", "saved_model": "/nowhere"}
    return converter_process.ask(
        request, count=0, console=console or Console(), title="x", **options
    )


def running() -> int:
    assert converter_process._running is not None
    return converter_process._running._process.pid


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"


def gone(process: int) -> bool:
    """Whether it ends, for which the system may take its time."""
    end = time.monotonic() + 60
    while alive(process) and time.monotonic() < end:
        time.sleep(0.01)
    return not alive(process)


class Interfering(Console):
    """Does something between the start of the child and its first answer."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act

    def bar(self, items: Iterable[Any], total: int, title: str, unit: str = "photo") -> Any:
        self._act()
        yield from items


@pytest.mark.parametrize(
    ("number", "said", "crashed"),
    [
        (signal.SIGSEGV, r"crashed \(SIGSEGV\)", True),
        (signal.SIGABRT, r"crashed \(SIGABRT\)", True),
        (signal.SIGKILL, "was killed, most likely by the system for want of memory", False),
    ],
)
def test_a_child_that_dies_is_told_with_the_cause(number: int, said: str, crashed: bool) -> None:
    console = Interfering(lambda: os.kill(running(), number))
    with pytest.raises(ConverterDied, match=said) as error:
        ask(console)
    assert error.value.crashed == crashed


def test_a_child_that_can_t_load_tensorflow_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tensorflow.py").write_text("raise ImportError('no such processor')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ConverterDied, match=r"exit status 1 \(ImportError: no such processor\)"):
        ask()
    assert "no such processor" in capfd.readouterr().err, "what it prints is passed on"


def test_a_child_that_takes_more_than_the_free_memory_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 0)
    children: list[int] = []
    with pytest.raises(ConverterDied, match="GB of memory were free for it, so it was ended"):
        ask(Interfering(lambda: children.append(running())))
    assert not alive(children[0])


def test_a_child_that_computes_without_an_end_is_ended() -> None:
    children: list[int] = []
    with pytest.raises(ConverterDied, match=r"came to no end in \d+ seconds of processor time"):
        ask(Interfering(lambda: children.append(running())), limits=Limits(computing=0.1))
    assert not alive(children[0])


def test_a_child_that_does_nothing_is_ended() -> None:
    children: list[int] = []

    def pause() -> None:
        children.append(running())
        os.kill(children[0], signal.SIGSTOP)

    with pytest.raises(ConverterDied, match="did nothing for 2 seconds and was ended"):
        ask(Interfering(pause), limits=Limits(idle=2))
    assert not alive(children[0])


def test_an_interrupt_ends_the_child() -> None:
    children: list[int] = []

    def interrupt() -> None:
        children.append(running())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(Interfering(interrupt))
    assert not alive(children[0])


def test_ctrl_c_in_a_terminal_is_left_to_the_parent() -> None:
    """The signal goes to both: a child that died of it first would be taken for a crash."""
    converter_process.start()
    child = running()
    # It ignores the signal from before it loads TensorFlow: bit 1 of the mask is SIGINT.
    end = time.monotonic() + 60
    while time.monotonic() < end:
        lines = Path(f"/proc/{child}/status").read_text().splitlines()
        mask = int(next(line for line in lines if line.startswith("SigIgn")).split()[1], 16)
        if mask & 1 << (signal.SIGINT - 1):
            break
        time.sleep(0.01)
    os.kill(child, signal.SIGINT)
    with pytest.raises(ConverterDied, match="SIGSEGV"):
        ask(Interfering(lambda: os.kill(child, signal.SIGSEGV)))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_child_ends_with_its_parent(root: Path, number: int) -> None:
    script = (
        "import time\nfrom convert import converter_process\nconverter_process.start()\n"
        "print(converter_process._running._process.pid, flush=True)\ntime.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.send_signal(number)
    assert gone(child)


def test_memory_and_time_of_a_process_are_read() -> None:
    begun = memory.cpu_seconds(os.getpid())
    assert begun is not None
    held = b"x" * 200_000_000
    assert memory.resident_bytes(os.getpid()) > len(held) / 2
    peak = memory.peak_megabytes()
    assert peak is not None
    assert peak * 1e6 >= memory.resident_bytes(os.getpid()) * 0.9
    free = memory.available_bytes()
    assert free is not None
    assert 0 < free < 2**50
    assert memory.resident_bytes(2**22 + 1) == 0, "there is no such process"
    assert memory.cpu_seconds(2**22 + 1) is None


def test_the_limit_of_a_control_group_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container has less than its machine; the kernel's files are those of Linux 6."""
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text("0::/pod/box\n")
    (proc / "meminfo").write_text("MemAvailable: 8000000 kB\nSwapFree: 1000000 kB\n")
    (groups / "pod" / "box").mkdir(parents=True)
    monkeypatch.setattr(memory, "_PROC", proc)
    monkeypatch.setattr(memory, "_CGROUPS", groups)
    assert memory.available_bytes() == 9_000_000 * 1024
    for name, text in (
        ("memory.max", "2000000000\n"),
        ("memory.current", "1500000000\n"),
        ("memory.stat", "anon 900000000\ninactive_file 100000000\n"),
    ):
        (groups / "pod" / name).write_text(text)
    (groups / "pod" / "box" / "memory.max").write_text("max\n")
    assert memory.available_bytes() == 600_000_000
