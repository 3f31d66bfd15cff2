"""Mosquitto, a broker from Debian's package, and a listener that keeps what is said there."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tools import until

# Debian installs it for the administrator.
PATH = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"


def program() -> str | None:
    """The broker, where it is installed."""
    return shutil.which("mosquitto", path=PATH)


class Broker:
    """One on a free port of this machine; it can be stopped and started again."""

    def __init__(self, folder: Path, *, tls: tuple[Path, Path] | None = None) -> None:
        """`tls` is a certificate and its key."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._folder, self._users = folder, folder / "users"
        self._tls = tls
        self._process: subprocess.Popen[bytes] | None = None

    def let_in(self, user: str, password: str) -> None:
        """From the next start on, or from now on if it runs, only users with passwords."""
        create = [] if self._users.exists() else ["-c"]
        command = ["mosquitto_passwd", "-b", *create, str(self._users), user, password]
        subprocess.run(command, check=True, capture_output=True)
        self._users.chmod(0o600)
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def start(self) -> None:
        """Run it; it listens when this returns. Nothing is kept from an earlier run."""
        lines = [f"listener {self.port} 127.0.0.1", f"user {getpass.getuser()}"]
        if self._users.exists():
            lines += [f"password_file {self._users}", "allow_anonymous false"]
        else:
            lines += ["allow_anonymous true"]
        if self._tls is not None:
            lines += [f"certfile {self._tls[0]}", f"keyfile {self._tls[1]}"]
        file = self._folder / "mosquitto.conf"
        file.write_text("\n".join(lines) + "\n")
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program() or "mosquitto", "-c", str(file)], stdout=log, stderr=log
            )
        until(self._listens, "mosquitto does not listen")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Have it take nothing any more, without closing a connection."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """The reverse."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


class Listener:
    """Everything that is published, in its order; it comes back when the broker does."""

    def __init__(self, port: int, user: str | None = None, password: str | None = None) -> None:
        self.messages: list[tuple[str, str, bool]] = []
        self._paho = paho.Client(CallbackAPIVersion.VERSION2)
        if user is not None:
            self._paho.username_pw_set(user, password)
        self._paho.reconnect_delay_set(1, 1)
        self._paho.on_connect = lambda client, *_: client.subscribe("#")
        self._paho.on_message = lambda _client, _data, message: self.messages.append(
            (message.topic, message.payload.decode(), message.retain)
        )
        self._paho.connect("127.0.0.1", port)
        self._paho.loop_start()

    def close(self) -> None:
        """Leave."""
        self._paho.disconnect()
        self._paho.loop_stop()

    def newest(self, topic: str) -> str | None:
        """The payload that was said there last."""
        return next((payload for t, payload, _ in reversed(self.messages) if t == topic), None)

    def state(self, base: str) -> dict[str, Any]:
        """The newest state, empty before the first one."""
        state: dict[str, Any] = json.loads(self.newest(f"{base}/state") or "{}")
        return state
