"""Environments are made whole or not at all, whoever makes them and whatever comes between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from convert.device import environment_maker
from convert.device.environment_maker import NotInstalled
from convert.errors import BuildError

HERE = Path(sys.executable)
METADATA = "Metadata-Version: 2.1\nName: edge-thing\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture
def wheel(tmp_path: Path) -> str:
    """A requirement that no registry is needed for."""
    file = tmp_path / "edge_thing-1.0-py3-none-any.whl"
    info = "edge_thing-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("edge_thing.py", "ANSWER = 42\n")
        archive.writestr(f"{info}/METADATA", METADATA)
        archive.writestr(f"{info}/WHEEL", WHEEL)
        archive.writestr(f"{info}/RECORD", "")
    return f"edge-thing @ {file.as_uri()}"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a script in the place of uv."""

    def write(text: str) -> Path:
        script = tmp_path / "uv"
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        return script

    return write


def answer(python: Path) -> str:
    command = [python, "-c", "import edge_thing; print(edge_thing.ANSWER)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def test_uv_makes_an_environment(tmp_path: Path, wheel: str) -> None:
    python = environment_maker.make(tmp_path / "cache" / "it", HERE, [wheel])
    assert answer(python) == "42"
    assert "uv" in (tmp_path / "cache" / "it" / "pyvenv.cfg").read_text()
    assert left(tmp_path / "cache") == {"it"}


def test_pip_makes_it_where_uv_can_not(
    tmp_path: Path, wheel: str, program: Callable[[str], Path]
) -> None:
    program("exit 3")
    python = environment_maker.make(tmp_path / "cache" / "it", HERE, [wheel])
    assert answer(python) == "42"
    assert left(tmp_path / "cache") == {"it"}


def test_it_is_made_once(tmp_path: Path, wheel: str, program: Callable[[str], Path]) -> None:
    place = tmp_path / "cache" / "it"
    environment_maker.make(place, HERE, [wheel])
    program("exit 3")
    made = place.stat().st_ctime_ns
    environment_maker.make(place, HERE, ["no-such-thing"])
    assert place.stat().st_ctime_ns == made


def test_one_whose_python_went_away_is_made_anew(tmp_path: Path, wheel: str) -> None:
    place = tmp_path / "cache" / "it"
    environment_maker.make(place, HERE, [wheel])
    (place / "bin" / "python").unlink()
    assert answer(environment_maker.make(place, HERE, [wheel])) == "42"


def test_what_can_not_be_installed_leaves_nothing(tmp_path: Path) -> None:
    missing = f"edge-thing @ {(tmp_path / 'gone-1.0-py3-none-any.whl').as_uri()}"
    with pytest.raises(NotInstalled, match="could not be given an environment") as error:
        environment_maker.make(tmp_path / "cache" / "it", HERE, [missing])
    assert "gone-1.0" in error.value.reason
    assert left(tmp_path / "cache") == set()


def test_a_cache_that_can_not_be_written_gives_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BuildError, match="set EDGE_CONVERT_CACHE to a directory"):
        environment_maker.make(tmp_path / "file" / "it", HERE, ["x"])


def test_what_a_killed_process_left_is_cleared(tmp_path: Path, wheel: str) -> None:
    abandoned = tmp_path / "cache" / ".making-0123"
    abandoned.mkdir(parents=True)
    (abandoned / "half").touch()
    environment_maker.make(tmp_path / "cache" / "it", HERE, [wheel])
    assert left(tmp_path / "cache") == {"it"}


def start(place: Path, wheel: str, root: Path) -> subprocess.Popen[bytes]:
    script = (
        "import sys\nfrom pathlib import Path\nfrom convert.device import environment_maker\n"
        "environment_maker.make(Path(sys.argv[1]), Path(sys.executable), [sys.argv[2]])"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script, place, wheel],
        cwd=root,
        stderr=subprocess.DEVNULL,
        # A shell's background job, as the tests may be, passes on that it ignores Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def test_an_interrupt_leaves_nothing_behind(
    tmp_path: Path, wheel: str, program: Callable[[str], Path], root: Path
) -> None:
    """Neither files nor the processes of the installer."""
    noted = tmp_path / "pids"
    program(f'sleep 600 &\necho "$! $$" > {noted}\nwait')
    maker = start(tmp_path / "cache" / "it", wheel, root)
    try:
        while not (noted.exists() and noted.read_text()):
            assert maker.poll() is None
            time.sleep(0.05)
        assert left(tmp_path / "cache") != set()
        maker.send_signal(signal.SIGINT)
        assert maker.wait(30) != 0
    finally:
        maker.kill()
        maker.wait()
    assert left(tmp_path / "cache") == set()
    assert not any(running(int(pid)) for pid in noted.read_text().split())


def running(process: int) -> bool:
    """A zombie that nobody has collected yet is not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_two_at_once_make_one(tmp_path: Path, wheel: str, root: Path) -> None:
    place = tmp_path / "cache" / "it"
    makers = [start(place, wheel, root) for _ in range(2)]
    assert [maker.wait(120) for maker in makers] == [0, 0]
    assert answer(place / "bin" / "python") == "42"
    assert left(tmp_path / "cache") == {"it"}


def test_this_python_is_taken_where_it_fits() -> None:
    assert environment_maker.find_python([(3, 99), sys.version_info[:2]]) == HERE


def test_another_is_looked_for_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "python3.99"
    fake.write_text('#!/bin/sh\necho "3 99"\n')
    fake.chmod(0o755)
    liar = tmp_path / "python3.98"
    liar.write_text('#!/bin/sh\necho "3 97"\n')
    liar.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert environment_maker.find_python([(3, 98), (3, 99)]) == fake


def test_none_is_downloaded_where_there_is_none() -> None:
    assert environment_maker.find_python([(3, 99)]) is None
