"""What a person sees, and what is kept from them until it explains something."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from convert.console import Console


def test_a_step_is_said_with_its_time_when_it_is_done(capfd: pytest.CaptureFixture[str]) -> None:
    console = Console()
    with console.step("boil the water"):
        assert capfd.readouterr().err == ""
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.split() == ["boil", "the", "water", "0.0", "s"]


def test_a_step_that_fails_is_not_said_to_be_done(capfd: pytest.CaptureFixture[str]) -> None:
    console = Console()
    with pytest.raises(ValueError, match="cold"), console.step("boil the water"):
        raise ValueError("cold")
    assert "boil" not in capfd.readouterr().err


def test_quiet_keeps_what_native_code_writes(capfd: pytest.CaptureFixture[str]) -> None:
    console = Console()
    with console.quiet():
        os.write(1, b"native out\n")
        os.write(2, b"native err\n")
        console.say("for the person")
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "for the person\n")
    assert console.last_words() == "native out\nnative err"


def test_after_quiet_everything_is_as_before(capfd: pytest.CaptureFixture[str]) -> None:
    console = Console()
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ValueError, match="stop"), console.quiet():
        raise ValueError("stop")
    os.write(1, b"out")
    console.say("err")
    said = capfd.readouterr()
    assert (said.out, said.err) == ("out", "err\n")
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


def test_quiet_can_be_turned_off(capfd: pytest.CaptureFixture[str]) -> None:
    with Console().quiet(enabled=False):
        os.write(2, b"shown")
    assert capfd.readouterr().err == "shown"


def test_last_words_are_the_last_lines_that_say_something() -> None:
    console = Console()
    with console.quiet():
        os.write(2, b"first\n\n" + b"".join(b"line %d\n\n" % n for n in range(5)))
    assert console.last_words(2) == "line 3\nline 4"
    assert "first" not in console.last_words()


def test_bar_passes_every_item_on_and_is_silent_without_a_terminal(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert list(Console().bar(iter("abc"), 3, "counting")) == ["a", "b", "c"]
    assert capfd.readouterr().err == ""


def test_bar_shows_its_title_and_count_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    assert list(Console().bar(iter("abc"), 3, "counting")) == ["a", "b", "c"]
    shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "counting" in shown
    assert "/3" in shown


def test_characters_that_the_terminal_lacks_do_not_stop_a_build(root: Path) -> None:
    script = "from convert.console import Console\nc = Console()\nwith c.quiet(): c.say('鳥')\n"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=root,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
