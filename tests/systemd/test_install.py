"""scripts/install on a real Debian machine: install, kill, stop, update, go back, reboot, remove.

The tests of the booted machine build on each other in their order.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Protocol

import pytest
from PIL import Image, ImageOps

CHECKOUT = Path(__file__).resolve().parents[2]
UNIT = "edge-server.service"
INSTALL_SECONDS = 150  # most of it pip, which may have to download

pytestmark = pytest.mark.container


class Machine(Protocol):
    """What conftest.py's machines offer."""

    root: Path

    def run(self, *command: str, timeout: float = 60) -> CompletedProcess[str]: ...

    def run_in_chroot(self, script: str, timeout: float) -> CompletedProcess[str]: ...

    def reboot(self) -> None: ...


@dataclass(frozen=True)
class Installed:
    """A machine with a running server, and the port at which this machine reaches it too."""

    machine: Machine
    port: int

    def install(self, *options: str) -> CompletedProcess[str]:
        return self.machine.run("/checkout/scripts/install", *options, timeout=INSTALL_SECONDS)

    def unit(self, name: str) -> str:
        return self.machine.run(
            "systemctl", "show", f"--property={name}", "--value", UNIT
        ).stdout.strip()

    def ask(self, path: str, body: bytes | None = None, token: str = "") -> Any:
        login = {"Authorization": f"Bearer {token}"} if token else {}
        address = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(address, data=body, headers=login)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=10) as response:
            return json.load(response)

    def answers(self) -> bool:
        try:
            return bool(self.ask("/readyz")["ready"])
        except (OSError, urllib.error.HTTPError):
            return False

    def releases(self) -> list[str]:
        return sorted(
            path.name for path in (self.machine.root / "opt/edge-server/releases").iterdir()
        )

    def settings(self) -> str:
        return (self.machine.root / "etc/edge-server/edge-server.env").read_text()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def demo_digits(count: int) -> list[tuple[str, bytes]]:
    """Held-out digits as the demo camera shows them: (label, PNG file)."""
    folder = CHECKOUT / "camera/sources"
    sheet = ImageOps.invert(Image.open(folder / "demo_digits.png").convert("L"))
    digits = []
    for number, label in enumerate((folder / "demo_digits.txt").read_text().split()[:count]):
        left, top = number % 20 * 8, number // 20 * 8
        file = io.BytesIO()
        tile = sheet.crop((left, top, left + 8, top + 8)).resize(
            (448, 448), Image.Resampling.BICUBIC
        )
        ImageOps.expand(tile, 16, 255).save(file, "PNG")
        digits.append((label, file.getvalue()))
    return digits


@pytest.fixture(scope="module")
def installed(machine: Machine) -> Installed:
    new = Installed(machine, free_port())
    result = new.install("--port", str(new.port))
    assert result.returncode == 0, result.stdout
    assert f"Ready at http://127.0.0.1:{new.port}/" in result.stdout
    assert "--host 0.0.0.0" in result.stdout
    return new


def test_a_prepared_image_serves_when_it_starts(unbooted: Machine) -> None:
    """The same steps in a chroot, where no systemd runs: --no-start, as for an SD card's image."""
    port = free_port()
    result = unbooted.run_in_chroot(
        f"""
        set -e
        /checkout/scripts/install --no-start --port {port}
        systemctl is-enabled {UNIT}
        set -a; . /etc/edge-server/edge-server.env; set +a
        setpriv --reuid=edge-server --regid=edge-server --init-groups \\
            /opt/edge-server/current/venv/bin/edge-server &
        curl --silent --show-error --fail --noproxy '*' --retry 30 --retry-connrefused \\
            --retry-delay 1 http://127.0.0.1:{port}/readyz
        kill $!; wait $!; echo; echo ended with $?
        """,
        timeout=INSTALL_SECONDS + 40,
    )
    assert result.returncode == 0, result.stdout
    assert '"ready":' in result.stdout
    assert result.stdout.endswith("ended with 0\n")


def test_refuses_to_install_without_root(machine: Machine) -> None:
    result = machine.run("setpriv", "--reuid=nobody", "--clear-groups", "/checkout/scripts/install")
    assert (result.returncode, result.stdout) == (
        1,
        "install: This needs root: run it with sudo.\n",
    )


def test_says_what_to_install_when_venv_is_missing(machine: Machine) -> None:
    folder = next((machine.root / "usr/lib").glob("python3.*/ensurepip"))
    hidden = folder.rename(folder.with_name("hidden"))
    try:
        result = machine.run("/checkout/scripts/install")
    finally:
        hidden.rename(folder)
    assert result.returncode == 1
    assert f"'sudo apt-get install {folder.parent.name}-venv'" in result.stdout
    assert result.stdout.count("\n") == 1


def test_refuses_a_port_that_another_program_has(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = machine.run("/checkout/scripts/install", "--port", str(port))
    assert result.returncode == 1
    assert "--port" in result.stdout.splitlines()[-1]
    assert not (machine.root / "opt/edge-server").exists()


def test_the_installed_server_recognizes_digits(installed: Installed) -> None:
    assert (installed.unit("ActiveState"), installed.unit("UnitFileState")) == ("active", "enabled")
    digits = demo_digits(20)
    right = [installed.ask("/predict", file)["prediction"] == label for label, file in digits]
    assert sum(right) >= 18
    inside = installed.machine.run("curl", "-s", f"http://127.0.0.1:{installed.port}/readyz")
    assert json.loads(inside.stdout)["ready"] is True


def test_the_demo_camera_is_classified(installed: Installed) -> None:
    def live() -> bool:
        try:
            answer = installed.ask("/camera/prediction")
        except urllib.error.HTTPError:
            return False
        return answer["camera"]["state"] == "live" and answer["prediction"] in set("0123456789")

    assert eventually(live, 10)


def test_a_camera_that_is_a_process_of_its_own_may_run_in_the_sandbox(installed: Installed) -> None:
    """A CSI camera, with a stand-in for Raspberry Pi's picamera2."""
    root = installed.machine.root
    picamera2 = root / "usr/lib/python3/dist-packages/picamera2"
    shutil.copytree(CHECKOUT / "tests/support/stand_in/picamera2", picamera2)
    picture = root / "srv/picture.jpg"
    Image.new("RGB", (64, 48), "red").save(picture)
    play = {
        "log": "/var/lib/edge-server/picamera2.log",
        "cameras": [{"Model": "imx708", "Id": "/base/soc/i2c0mux/i2c@1/imx708@1a", "Num": 0}],
        "pictures": ["/srv/picture.jpg"],
    }
    settings = root / "etc/edge-server/edge-server.env"
    before = settings.read_text()
    settings.write_text(
        f"EDGE_CAMERA=csi:0\nEDGE_PORT={installed.port}\nPICAMERA2_STAND_IN='{json.dumps(play)}'\n"
    )
    try:
        installed.machine.run("systemctl", "restart", UNIT)
        assert eventually(installed.answers, 20)
        states = []

        def live() -> bool:
            states.append(installed.ask("/kiosk.json")["camera"])
            return bool(states[-1]["state"] == "live")

        assert eventually(live, 20), states[-1]
        address = f"http://127.0.0.1:{installed.port}/camera/snapshot.jpg"
        shown = installed.machine.run("curl", "-s", "-o", "/srv/shown.jpg", address)
        assert shown.returncode == 0
        assert (root / "srv/shown.jpg").read_bytes() == picture.read_bytes()
    finally:
        settings.write_text(before)
        shutil.rmtree(picamera2)
        installed.machine.run("systemctl", "restart", UNIT)
    assert eventually(installed.answers, 20)


def test_the_installed_unit_is_clean_and_confines(installed: Installed) -> None:
    verified = installed.machine.run("systemd-analyze", "verify", UNIT)
    assert (verified.returncode, verified.stdout) == (0, "")
    status = installed.machine.run("cat", f"/proc/{installed.unit('MainPID')}/status").stdout
    fields = dict(re.findall(r"^(\w+):\s*(.*?)\s*$", status, re.M))
    user = installed.machine.run("id", "-u", "edge-server").stdout.strip()
    assert set(fields["Uid"].split()) == {user} != {"0"}
    assert (fields["CapEff"], fields["CapBnd"]) == ("0" * 16, "0" * 16)
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")


def test_the_sandbox_lets_a_trial_give_way_and_bind_no_thread(installed: Installed) -> None:
    """Under the unit's own filter of system calls."""
    unit = (CHECKOUT / "systemd" / UNIT).read_text()
    lines = re.findall(r"^SystemCall(?:Filter|ErrorNumber)=.*$", unit, re.M)
    code = (
        "import os; print(os.nice(5)); "
        "print(open('/proc/self/status').read().count('Seccomp:\\t2')); "
        "os.sched_setaffinity(0, os.sched_getaffinity(0))"
    )
    command = ["systemd-run", "--quiet", "--pipe", "--wait", *(f"--property={x}" for x in lines)]
    done = installed.machine.run(*command, "python3", "-c", code)
    said = done.stdout.splitlines()  # its two streams come in any order
    assert [line for line in said if line.isdigit()] == ["5", "1"], done.stdout
    assert [line for line in said if line.startswith("PermissionError")] != []


def test_comes_back_after_a_kill(installed: Installed) -> None:
    killed = installed.unit("MainPID")
    installed.machine.run("kill", "-KILL", killed)
    assert eventually(lambda: installed.unit("MainPID") not in ("0", killed), 15)
    assert eventually(installed.answers, 20)


def test_stops_cleanly_while_a_viewer_watches(installed: Installed) -> None:
    with socket.create_connection(("127.0.0.1", installed.port), timeout=10) as viewer:
        viewer.sendall(b"GET /camera/stream.mjpg HTTP/1.1\r\nHost: edge\r\n\r\n")
        assert viewer.recv(1000).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        installed.machine.run("systemctl", "stop", UNIT)
        assert time.monotonic() - began < 10
    assert [installed.unit(n) for n in ("ActiveState", "Result", "ExecMainStatus")] == [
        *("inactive", "success", "0")
    ]
    installed.machine.run("systemctl", "start", UNIT)
    assert eventually(installed.answers, 20)


def test_a_second_installation_keeps_the_settings(installed: Installed) -> None:
    settings = installed.machine.root / "etc/edge-server/edge-server.env"
    settings.write_text("# mine\n" + settings.read_text() + "EDGE_TITLE=Mine\n")
    model = installed.machine.root / "srv/my digits.tflite"
    shutil.copy(CHECKOUT / "edge_server/models/digits.tflite", model)
    before, process = installed.releases(), installed.unit("MainPID")

    spec = 'folder:/var/lib/edge-server/my "own" pictures'
    result = installed.install("--model", "/srv/my digits.tflite", "--camera", spec)

    assert result.returncode == 0, result.stdout
    assert installed.unit("MainPID") != process
    assert len(installed.releases()) == len({*before, *installed.releases()}) == 2
    kept = installed.settings()
    assert kept.startswith("# mine\n")
    assert f'\nEDGE_PORT="{installed.port}"\n' in kept
    assert '\nEDGE_MODEL="/var/lib/edge-server/models/my digits.tflite"\n' in kept
    environment = installed.machine.run("cat", f"/proc/{installed.unit('MainPID')}/environ").stdout
    assert {f"EDGE_CAMERA={spec}", "EDGE_TITLE=Mine"} <= set(environment.split("\0"))
    label, file = demo_digits(1)[0]
    assert installed.ask("/predict", file)["prediction"] == label


def test_a_directory_of_models_is_served_where_it_is_and_followed(installed: Installed) -> None:
    digits = CHECKOUT / "edge_server/models/digits.tflite"
    models = installed.machine.root / "var/lib/edge-server/models"
    (models / "digits/1").mkdir(parents=True)
    shutil.copy(digits, models / "digits/1/model.tflite")

    result = installed.install("--models", "/var/lib/edge-server/models")

    assert result.returncode == 0, result.stdout
    assert '\nEDGE_MODELS="/var/lib/edge-server/models"\n' in installed.settings()
    assert "\nEDGE_MODEL=" not in installed.settings()
    _, file = demo_digits(1)[0]
    assert installed.ask("/predict", file)["model"]["version"] == "1"
    process = installed.unit("MainPID")
    (models / "digits/.2").mkdir()
    shutil.copy(digits, models / "digits/.2/model.tflite")
    (models / "digits/.2").rename(models / "digits/2")
    assert eventually(lambda: installed.ask("/predict", file)["model"]["version"] == "2", 30), (
        installed.machine.run("journalctl", "--unit", UNIT, "--lines", "20").stdout
    )
    assert installed.unit("MainPID") == process


def test_tokens_are_asked_for_and_only_the_server_can_read_them(installed: Installed) -> None:
    token, path = "0123456789abcdef", installed.machine.root / "srv/tokens"
    path.write_text(token + "\n")

    result = installed.install("--token-file", "/srv/tokens")

    assert result.returncode == 0, result.stdout
    status = installed.machine.run("stat", "--format=%U:%G %a", "/etc/edge-server/tokens")
    assert status.stdout == "root:edge-server 640\n"
    _, file = demo_digits(1)[0]
    with pytest.raises(urllib.error.HTTPError, match="401"):
        installed.ask("/predict", file)
    assert installed.ask("/predict", file, token)["prediction"]
    for wrong in ("", "short"):
        path.write_text(wrong)
        result = installed.install("--token-file", "/srv/tokens")
        assert (result.returncode, "nothing was changed" in result.stdout) == (1, True)
    assert installed.ask("/predict", file, token)["prediction"]


def test_an_update_of_a_server_with_https_finds_it_ready(installed: Installed) -> None:
    settings = installed.machine.root / "etc/edge-server/edge-server.env"
    folder, before = settings.parent, settings.read_text()
    openssl = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=edge"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*openssl, *files], check=True, capture_output=True)
    for name in ("key.pem", "cert.pem"):
        installed.machine.run("chgrp", "edge-server", f"/etc/edge-server/{name}")
        installed.machine.run("chmod", "640", f"/etc/edge-server/{name}")
    try:
        for variable, name in (("CERT", "cert.pem"), ("KEY", "key.pem")):
            line = f"EDGE_TLS_{variable}=/etc/edge-server/{name}\n"
            settings.write_text(settings.read_text() + line)
        result = installed.install()
        assert result.returncode == 0, result.stdout
        assert f"Ready at https://127.0.0.1:{installed.port}/" in result.stdout
        assert not installed.answers()  # not in clear
    finally:
        settings.write_text(before)
        installed.machine.run("systemctl", "restart", UNIT)
    assert eventually(installed.answers, 20)


def test_an_interrupted_installation_leaves_nothing(installed: Installed) -> None:
    before = (installed.unit("MainPID"), installed.releases(), installed.settings())
    # Without --kill-after: the installer has to end by itself, and to have tidied up by then.
    installed.machine.run("timeout", "4", "/checkout/scripts/install", "--port", str(free_port()))
    assert not (installed.machine.root / "opt/edge-server/.installing").exists()
    assert (installed.unit("MainPID"), installed.releases(), installed.settings()) == before


def test_a_broken_model_changes_nothing(installed: Installed) -> None:
    whole = (CHECKOUT / "edge_server/models/digits.tflite").read_bytes()
    (installed.machine.root / "srv/broken.tflite").write_bytes(whole[: len(whole) // 2])
    before = (installed.unit("MainPID"), installed.releases(), installed.settings())

    result = installed.install("--model", "/srv/broken.tflite")

    assert result.returncode == 1
    assert "nothing was changed" in result.stdout.splitlines()[-1]
    assert "broken.tflite" in result.stdout  # what the server itself said of it
    assert (installed.unit("MainPID"), installed.releases(), installed.settings()) == before
    assert not (installed.machine.root / "opt/edge-server/.installing").exists()
    assert installed.answers()


def test_goes_back_when_the_new_one_does_not_become_ready(installed: Installed) -> None:
    before = (installed.releases(), installed.settings())

    result = installed.install("--camera", "nonsense:0")

    assert result.returncode == 1
    assert "nonsense" in result.stdout
    assert "serves again at" in result.stdout.splitlines()[-1]
    assert (installed.releases(), installed.settings()) == before
    assert installed.answers()


def test_serves_again_after_a_reboot(installed: Installed) -> None:
    installed.machine.reboot()
    assert eventually(installed.answers, 30)


def test_uninstall_keeps_settings_and_models_until_purged(installed: Installed) -> None:
    root = installed.machine.root
    code = ["opt/edge-server", f"etc/systemd/system/{UNIT}", "etc/sysusers.d/edge-server.conf"]
    data = ["etc/edge-server/edge-server.env", "var/lib/edge-server/models/my digits.tflite"]

    assert installed.install("--uninstall").returncode == 0
    assert not installed.answers()
    assert [path for path in code if (root / path).exists()] == []
    assert [path for path in data if not (root / path).exists()] == []
    assert installed.machine.run("id", "edge-server").returncode == 1

    assert installed.install("--uninstall", "--purge").returncode == 0
    assert not (root / "etc/edge-server").exists()
    assert not (root / "var/lib/edge-server").exists()
