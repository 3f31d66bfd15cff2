"""The commands that the README begins with, word for word, by an ordinary user of a fresh Debian.

The tests of a machine build on each other in their order.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess, Popen
from typing import Protocol

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TRY_IT = README.split("\n## Try it\n")[1].split("\n## ")[0]
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TRY_IT, re.DOTALL | re.MULTILINE)
PREPARE, DEMO = BLOCKS[0].splitlines()
DEVICE = BLOCKS[1]
CONVERT = README.split("**2. Convert and validate**")[1].split("```")[1].removeprefix("sh\n")
# Most of it pip, which may have to download, on a machine that does other things too.
INSTALL_SECONDS, DEMO_SECONDS = 170, 1200

pytestmark = pytest.mark.container


class Machine(Protocol):
    """What conftest.py's machines offer."""

    root: Path
    suite: str
    port: int

    def run_as_user(self, script: str, timeout: float = 60) -> CompletedProcess[str]: ...

    def running_as_user(self, script: str) -> AbstractContextManager[Popen[str]]: ...


def fetch(url: str, body: bytes | None = None) -> bytes:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urllib.request.Request(url, data=body), timeout=30) as answer:
        return bytes(answer.read())


def await_server(url: str, process: Popen[str], seconds: float) -> None:
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        try:
            fetch(f"{url}/readyz")
        except (OSError, urllib.error.HTTPError):
            time.sleep(0.2)
        else:
            return
    process.kill()
    raise AssertionError(f"the server did not come up:\n{process.communicate()[0]}")


def test_the_section_has_these_two_blocks_and_no_other_command() -> None:
    assert len(BLOCKS) == 2
    assert TRY_IT.count("```") == 2 * len(BLOCKS)
    assert DEMO == "scripts/demo"


def test_debian_has_no_python_no_pip_and_no_environments(fresh: Machine) -> None:
    said = fresh.run_as_user(
        "! type python && ! type pip && id -u && ! python3 -c 'import ensurepip'"
    )
    assert (said.returncode, "\n1000\n" in said.stdout) == (0, True), said.stdout
    assert list(fresh.root.glob("usr/lib/python3.*/EXTERNALLY-MANAGED"))


@pytest.mark.parametrize("command", [DEMO, DEVICE.splitlines()[0]])
def test_the_missing_package_is_one_sentence_with_its_command(fresh: Machine, command: str) -> None:
    said = fresh.run_as_user(command)
    (named,) = re.findall(r"run '(.*)'", said.stdout)
    assert (said.returncode, named) == (1, PREPARE.split(" && ")[1])


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        ("edge_server", "edge"),
        ("edge_server selftest edge_server/models/digits.tflite", "edge"),
        ("camera list", "edge"),
        ("convert inspect edge_server/models/digits.tflite", "dev"),
    ],
)
def test_debians_own_python_is_told_which_environment(
    fresh: Machine, command: str, environment: str
) -> None:
    said = fresh.run_as_user(f"python3 -m {command}")
    assert said.returncode == 1
    (line,) = said.stdout.splitlines()
    assert f"`scripts/environment {environment} && . .venv/{environment}/bin/activate`" in line


def test_what_is_missing_is_installed(fresh: Machine) -> None:
    done = fresh.run_as_user(f"yes | ({PREPARE})", timeout=120)
    assert done.returncode == 0, done.stdout
    # From here on the machine has of Python what Raspberry Pi OS has.
    still = fresh.run_as_user("! type python && ! type pip && python3 -c 'import ensurepip'")
    assert still.returncode == 0, still.stdout


def test_a_device_serves_with_debians_own_python(fresh: Machine) -> None:
    url = f"http://127.0.0.1:{fresh.port}"
    with fresh.running_as_user(DEVICE) as process:
        await_server(url, process, INSTALL_SECONDS)
        picture = fetch(f"{url}/camera/snapshot.jpg")
        answer = json.loads(fetch(f"{url}/predict", picture))
        assert answer["prediction"] in set("0123456789")
        os.killpg(process.pid, signal.SIGINT)  # Ctrl-C
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "command",
    ["python -m edge_server selftest edge_server/models/digits.tflite", "python -m camera list"],
)
def test_other_commands_work_in_the_environment(fresh: Machine, command: str) -> None:
    done = fresh.run_as_user(f". .venv/edge/bin/activate; {command}")
    assert done.returncode == 0, done.stdout


def test_messages_name_the_python_that_is_there(fresh: Machine) -> None:
    asked = (
        "python - <<'EOF'\nfrom camera.command import spelled\nprint(spelled('`python -m x`'))\nEOF"
    )
    activated = fresh.run_as_user(f". .venv/edge/bin/activate; {asked}")
    by_path = fresh.run_as_user(asked.replace("python -", ".venv/edge/bin/python -", 1))
    assert (activated.stdout, by_path.stdout) == (
        "`python -m x`\n",
        "`.venv/edge/bin/python -m x`\n",
    )


@pytest.fixture(scope="module")
def demonstrated(fresh: Machine) -> Iterator[str]:
    """What scripts/demo said until its server was stopped; on the newer Debian alone.

    TensorFlow takes minutes, and the tests of conversion run on the older one's Python.
    """
    if fresh.suite != "trixie":
        pytest.skip("runs on Debian 13")
    url = f"http://127.0.0.1:{fresh.port}"
    with fresh.running_as_user(DEMO) as process:
        await_server(url, process, DEMO_SECONDS)
        picture = fetch(f"{url}/camera/snapshot.jpg")
        assert json.loads(fetch(f"{url}/predict", picture))["prediction"] in set("0123456789")
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    yield said


def test_the_demo_trains_converts_validates_and_serves(demonstrated: str, fresh: Machine) -> None:
    assert "train a small CNN on 1257 real digits" in demonstrated
    report = json.loads(
        (fresh.root / "home/maker/checkout/.demo/model/report.json").read_text(encoding="utf-8")
    )
    assert (report["verdict"], report["samples"]) == ("passed", 540)
    assert report["candidate"]["top1"] >= 0.97


def test_a_second_demo_trains_nothing_and_checks_itself(demonstrated: str, fresh: Machine) -> None:
    assert f"`{DEMO} --check`" in TRY_IT
    again = fresh.run_as_user(f"{DEMO} --check", timeout=120)
    assert again.returncode == 0, again.stdout
    assert "made before; validation passed" in again.stdout
    assert "train" not in again.stdout
    assert "stopped cleanly: all good" in again.stdout


def test_converting_begins_in_the_environment_of_the_demo(
    demonstrated: str, fresh: Machine
) -> None:
    activate = CONVERT.splitlines()[0]
    assert "python -m convert build" in CONVERT
    command = f"{activate}; python -m convert inspect .demo/model/model.tflite"
    inspected = fresh.run_as_user(command, timeout=120)
    assert inspected.returncode == 0, inspected.stdout
    assert "making the" not in inspected.stdout
