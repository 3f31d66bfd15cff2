"""Children: asked once, never waited for without end, never left behind, given the right code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convert.console import Console
from convert.device import device_process
from convert.device.device_process import ChildDied, ChildRefused
from convert.errors import BuildError

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a module that a child of this Python can run."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write(text: str) -> str:
        (tmp_path / "a_child.py").write_text(f"import json, os, sys, time\n{text}\n")
        return "a_child"

    return write


@pytest.fixture
def other_python(tmp_path: Path) -> Path:
    """Another environment, which has nothing of this one."""
    folder = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder / "bin" / "python"


def ask(module: str, request: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return device_process.ask(
        module, request or {}, count=0, console=Console(), title="x", **options
    )


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_last_line_is_the_answer(module: Callable[[str], str]) -> None:
    name = module("print(json.dumps({'done': 1}))\nprint(json.dumps(json.load(sys.stdin)))")
    assert ask(name, {"b": [1, 2]}) == {"b": [1, 2]}


def test_a_request_larger_than_a_pipe_gets_through(module: Callable[[str], str]) -> None:
    """The child talks before it listens."""
    name = module("print(' ' * 1_000_000)\nprint(json.dumps({'n': len(json.load(sys.stdin))}))")
    assert ask(name, {str(n): "x" * 100 for n in range(20_000)}) == {"n": 20_000}


def test_a_line_without_an_end_is_an_answer_too(module: Callable[[str], str]) -> None:
    assert ask(module("print('{\"a\": 1}', end='')")) == {"a": 1}


def test_a_refusal_carries_the_sentence_of_the_device(module: Callable[[str], str]) -> None:
    with pytest.raises(ChildRefused, match="refuses the converted model: No such thing") as error:
        ask(module("print(json.dumps({'error': 'No such thing.'})); sys.exit(1)"))
    assert error.value.reason == "No such thing."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("os.kill(os.getpid(), 6)", r"crashed \(signal 6\)"),
        ("sys.exit('no memory left')", r"failed \(exit status 1\): no memory left"),
        ("pass", r"failed \(exit status 0\)"),
    ],
)
def test_a_death_is_described(module: Callable[[str], str], text: str, said: str) -> None:
    with pytest.raises(ChildDied, match=said):
        ask(module(text))


@pytest.mark.parametrize(
    "text",
    [
        "time.sleep(600)",
        "os.close(1); os.close(2); time.sleep(600)",
        "print('{}', flush=True)\nwhile True: time.sleep(.05); os.write(1, b' ')",
    ],
    ids=["hangs", "hangs at its end", "says nothing in a long line"],
)
def test_a_child_that_hangs_is_ended(
    module: Callable[[str], str], tmp_path: Path, text: str
) -> None:
    name = module(f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n{text}")
    with pytest.raises(ChildDied, match="said nothing for 1 seconds and was ended"):
        ask(name, timeout=1.0)
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_child_that_keeps_talking_may_take_longer(module: Callable[[str], str]) -> None:
    text = "for n in range(8):\n    time.sleep(.25)\n    print(json.dumps({'done': n}), flush=True)"
    assert ask(module(text), timeout=1.5) == {"done": 7}


def test_tensorflow_in_the_child_proves_nothing(module: Callable[[str], str]) -> None:
    with pytest.raises(BuildError, match="imported TensorFlow, so nothing was proven"):
        ask(module("print(json.dumps({'tensorflow_imported': True}))"))


def test_a_python_that_is_none_gives_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"python can't be started \(No such file"):
        ask("json.tool", python=tmp_path / "python")


def test_another_python_gets_the_devices_code_and_nothing_of_this_one(
    other_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the product were installed: beside it lie libraries for another Python."""
    site = tmp_path / "site"
    package = site / "edge_server"
    package.mkdir(parents=True)
    (site / "numpy.py").write_text("raise SystemExit('the wrong numpy')\n")
    (package / "__init__.py").touch()
    (package / "look.py").write_text(
        "import importlib.util, json, sys\n"
        "found = importlib.util.find_spec('numpy')\n"
        "print(json.dumps({'numpy': str(found), 'prefix': sys.prefix}))\n"
    )
    monkeypatch.setattr(device_process.edge_server, "__file__", str(package / "__init__.py"))
    monkeypatch.setenv("PYTHONPATH", str(site))
    seen = ask("edge_server.look", python=other_python)
    assert seen == {"numpy": "None", "prefix": str(other_python.parent.parent)}
    assert not list(package.glob("__pycache__")), "nothing is written beside the code"


def test_an_interrupt_of_the_process_ends_the_child(
    module: Callable[[str], str], tmp_path: Path, root: Path
) -> None:
    """Ctrl-C reaches a real process that waits for a child."""
    noted = tmp_path / "pid"
    name = module(f"open({str(noted)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)")
    script = (
        "from convert.device import device_process\nfrom convert.console import Console\n"
        f"device_process.ask({name!r}, {{}}, count=0, console=Console(), title='x')"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=root,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        # A shell's background job, as the tests may be, passes on that it ignores Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    try:
        while not (noted.exists() and noted.read_text()):
            assert parent.poll() is None
            time.sleep(0.05)
        parent.send_signal(signal.SIGINT)
        assert parent.wait(30) != 0
    finally:
        parent.kill()
        parent.wait()
    assert not alive(int(noted.read_text()))
    assert not list(tmp_path.glob("edge-convert-*"))


def test_answers_are_json(module: Callable[[str], str]) -> None:
    """What else is printed, even JSON of another kind, is passed over."""
    lines = ["hello", "42", json.dumps({"answer": 1}), "[1]", "null"]
    assert ask(module(f"print({chr(10).join(lines)!r})")) == {"answer": 1}
