"""Where a Python with the target's runtime comes from: named, here, the checkout's, or made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from convert.console import Console
from convert.device import environment_maker, target_environment, targets
from convert.errors import BuildError, UsageError

HERE = Path(sys.executable)
LITERT, TFLITE = targets.get("litert"), targets.get("tflite-2.14")


@pytest.fixture
def nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No environment of the checkout, an empty cache: what an installed package meets."""
    monkeypatch.setenv("EDGE_VENVS", str(tmp_path / "no venvs"))
    monkeypatch.setenv("EDGE_CONVERT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EDGE_TARGET_PYTHON", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def empty_python(tmp_path: Path) -> Path:
    """A Python that has nothing."""
    folder = tmp_path / "empty"
    subprocess.run([HERE, "-m", "venv", "--without-pip", folder], check=True)
    return folder / "bin" / "python"


def test_the_runtime_of_this_process_needs_no_environment(
    nothing_at_hand: Path, console: Console
) -> None:
    for name in ("litert", "pi-os-bookworm", "pi-os-trixie", "jetpack-6"):
        assert target_environment.python_for(targets.get(name), console) == HERE
    assert not nothing_at_hand.exists()


def test_an_environment_is_made_once_with_the_targets_runtime(
    nothing_at_hand: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = target_environment.python_for(TFLITE, console)
    assert nothing_at_hand in python.parents
    question = "import tflite_runtime, importlib.metadata as m; print(m.version('tflite-runtime'))"
    done = subprocess.run([python, "-c", question], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2.14.0"

    monkeypatch.setattr(environment_maker, "make", None)  # it would raise
    assert target_environment.python_for(TFLITE, console) == python
    assert target_environment.python_for(targets.get("pi-os-32bit"), console) == python


def test_the_checkouts_environment_is_used(
    nothing_at_hand: Path, empty_python: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it has the runtime, and only then."""
    made = target_environment.python_for(TFLITE, console)
    venvs = empty_python.parents[2] / "venvs"
    venvs.mkdir()
    (venvs / "tflite").symlink_to(made.parent.parent)
    monkeypatch.setenv("EDGE_VENVS", str(venvs))
    assert target_environment.python_for(TFLITE, console) == venvs / "tflite" / "bin" / "python"

    (venvs / "tflite").unlink()
    (venvs / "tflite").symlink_to(empty_python.parent.parent)
    assert target_environment.python_for(TFLITE, console) == made


def test_a_python_can_be_named(
    empty_python: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGE_TARGET_PYTHON", raising=False)
    tflite = target_environment.python_for(TFLITE, console)
    monkeypatch.setenv("EDGE_TARGET_PYTHON", str(tflite))
    assert target_environment.python_for(TFLITE, console) == tflite
    with pytest.raises(
        UsageError, match=r"runtime is tflite-runtime 2\.14\.0, where .* litert has"
    ):
        target_environment.python_for(LITERT, console)

    monkeypatch.setenv("EDGE_TARGET_PYTHON", str(empty_python))
    with pytest.raises(UsageError, match=r"whose runtime is none \(.*No module named"):
        target_environment.python_for(TFLITE, console)
    monkeypatch.setenv("EDGE_TARGET_PYTHON", str(empty_python / "gone"))
    with pytest.raises(UsageError, match=r"gone, whose runtime is none \("):
        target_environment.python_for(TFLITE, console)


def test_without_a_fitting_python_it_says_what_to_do(
    nothing_at_hand: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment_maker, "find_python", lambda versions: None)
    with pytest.raises(BuildError, match=r"needs Python 3\.10 or 3\.11 to run tflite-run") as error:
        target_environment.python_for(TFLITE, console)
    assert "uv python install 3.11" in str(error.value)
    assert "EDGE_TARGET_PYTHON" in str(error.value)


def test_what_can_not_be_installed_says_what_to_do(
    nothing_at_hand: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIP_NO_INDEX", "UV_NO_INDEX", "UV_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(nothing_at_hand.parent / "uv"))
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(BuildError, match=r"To try the model as tflite-2\.14 runs it") as error:
        target_environment.python_for(TFLITE, console)
    assert "has to be installed beside it, which failed (" in str(error.value)
    assert "EDGE_TARGET_PYTHON" in str(error.value)
    assert list(nothing_at_hand.iterdir()) == [nothing_at_hand / ".lock"]


def test_the_cache_is_where_the_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGE_CONVERT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/me")
    assert target_environment.cache() == Path("/var/cache/me/edge-classifier")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/me")
    assert target_environment.cache() == Path("/home/me/.cache/edge-classifier")
    monkeypatch.setenv("EDGE_CONVERT_CACHE", "/big/disk")
    assert target_environment.cache() == Path("/big/disk")
