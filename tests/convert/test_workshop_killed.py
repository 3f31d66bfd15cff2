"""A build that is killed while it publishes: no report ever stands beside a model not its own.

Children run the real Workshop and kill themselves right before the n-th change of a name.
"""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from convert.workshop import Workshop

# Python reports each rename and removal to audit hooks before it happens.
PUBLISH = """
import hashlib, json, os, signal, sys
from pathlib import Path
from convert.workshop import Workshop

output, text, passed, number = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
passed = passed == "True"
with Workshop(output) as workshop:
    model = workshop.put("finished.tflite", text.encode())
    digest = hashlib.sha256(text.encode()).hexdigest()
    file = "model.tflite" if passed else "model.rejected.tflite"
    report = json.dumps({"file": file, "sha256": digest}).encode()
    seen = 0

    def hook(event, arguments):
        global seen
        if event in ("os.rename", "os.remove"):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    workshop.publish(model, report, digest.encode(), passed=passed)
"""
FILES = ("model.tflite", "model.rejected.tflite", "model.previous.tflite")


def publish(root: Path, output: Path, text: str, *, passed: bool, number: int = 0) -> bool:
    """Whether it came to its end; `number` is the change before which it is killed, 0 for none."""
    arguments = [str(output), text, str(passed), str(number)]
    status = subprocess.run(
        [sys.executable, "-c", PUBLISH, *arguments], cwd=root, check=False
    ).returncode
    assert status in (0, -signal.SIGKILL)
    return status == 0


def expect_told_truly(output: Path) -> None:
    """What is told is true: report and page, where they stand, are of the model beside them."""
    digests = {
        name: hashlib.sha256((output / name).read_bytes()).hexdigest()
        for name in FILES
        if (output / name).exists()
    }
    assert not any(
        name == "model.tflite" and digest == hashlib.sha256(b"bad").hexdigest()
        for name, digest in digests.items()
    )
    if (output / "report.json").exists():
        report = json.loads((output / "report.json").read_text())
        assert digests[report["file"]] == report["sha256"]
        deployed = digests.get("model.tflite")
        assert deployed in (None, report["sha256"])
    if (output / "report.html").exists():
        shown = (output / "report.html").read_text()
        assert shown in digests.values()
        assert digests.get("model.tflite") in (None, shown)


@pytest.mark.parametrize("before", [True, False], ids=["after a good one", "after a bad one"])
@pytest.mark.parametrize("passed", [True, False], ids=["good", "bad"])
def test_killed_at_any_step_nothing_untrue_is_told(
    root: Path, tmp_path: Path, before: bool, passed: bool
) -> None:
    text = "good" if passed else "bad"
    for number in range(1, 20):
        output = tmp_path / str(number)
        assert publish(root, output, "old", passed=before)
        ended = publish(root, output, text, passed=passed, number=number)
        expect_told_truly(output)
        # Never without any model, and never with half of one.
        kept = [(output / name).read_text() for name in FILES if (output / name).exists()]
        assert kept
        assert set(kept) <= {"old", text}
        if ended:
            break
        # The next build makes it whole and takes away what the killed one left.
        assert list(output.glob(".build-*"))
        assert publish(root, output, text, passed=passed)
        expect_told_truly(output)
        assert (output / "report.json").exists()
        assert (output / "report.html").exists()
        assert not list(output.glob(".build-*"))
    # Both reports go, the model moves, both reports come: at least five steps were tried.
    assert number > 5


def test_a_workshop_in_use_is_left_alone(root: Path, tmp_path: Path) -> None:
    with Workshop(tmp_path) as workshop:
        kept = workshop.put("half.tflite", b"half")
        assert publish(root, tmp_path, "good", passed=True)
        assert kept.read_bytes() == b"half"


@pytest.mark.parametrize("step", range(1, 6))
def test_an_interrupt_while_it_appears_does_not_stop_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    done = 0

    def interrupt(real: str) -> None:
        original = getattr(Path, real)

        def interrupted(self: Path, *args: object, **options: object) -> object:
            nonlocal done
            done += 1
            if done == step:
                raise KeyboardInterrupt
            return original(self, *args, **options)

        monkeypatch.setattr(Path, real, interrupted)

    with Workshop(tmp_path) as workshop:
        old = workshop.put("finished.tflite", b"old")
        workshop.publish(old, b"report of old", b"page of old", passed=True)
        new = workshop.put("finished.tflite", b"new")
        interrupt("replace")
        interrupt("unlink")
        with pytest.raises(KeyboardInterrupt):
            workshop.publish(new, b"report of new", b"page of new", passed=True)
    monkeypatch.undo()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "model.tflite": "new",
        "report.json": "report of new",
        "report.html": "page of new",
    }
