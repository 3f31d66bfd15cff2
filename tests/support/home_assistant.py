"""Home Assistant itself, in a process of its own, asked over its REST API as its pages do.

`scripts/environment homeassistant` makes its environment; EDGE_HOMEASSISTANT_PYTHON names it.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import requests

# On a busy machine; its own packages are read for the first time.
_START_SECONDS: Final = 180.0
_USER, _PASSWORD = "tester", "correct-horse-battery"
_CONFIGURATION: Final = """\
homeassistant:
  name: Home
  latitude: 52.5
  longitude: 13.4
  elevation: 30
  unit_system: metric
  time_zone: Europe/Berlin
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
config:
logger:
  default: warning
"""


def python() -> str | None:
    """Of its environment; None where there is none."""
    return os.environ.get("EDGE_HOMEASSISTANT_PYTHON")


class HomeAssistant:
    """Answers at `url`, its owner logged in."""

    def __init__(self, program: str, folder: Path, configuration: str) -> None:
        """`configuration` is what a user adds to configuration.yaml."""
        self._log = folder / "home-assistant.txt"
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        text = _CONFIGURATION.format(port=port) + configuration
        (folder / "configuration.yaml").write_text(text, encoding="utf-8")
        command = [program, "-m", "homeassistant", "--config", str(folder)]
        add = [*command[:3], "--script", "auth", "-c", str(folder), "add", _USER, _PASSWORD]
        subprocess.run(add, check=True, capture_output=True, timeout=_START_SECONDS)
        with self._log.open("wb") as stream:
            # All that it needs is in the environment: nothing is installed while it runs.
            self._process = subprocess.Popen(
                [*command, "--skip-pip"], stdout=stream, stderr=subprocess.STDOUT
            )
        self._session = requests.Session()
        try:
            self._log_in()
        except BaseException:
            self.stop()
            raise

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _log_in(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while True:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            try:
                if requests.get(f"{self.url}/auth/providers", timeout=10).status_code < 500:
                    break
            except requests.ConnectionError:
                pass
            time.sleep(0.5)
        own = {"client_id": f"{self.url}/"}
        asked = {"handler": ["homeassistant", None], "redirect_uri": own["client_id"]}
        flow = self._post("/auth/login_flow", own | asked)
        done = self._post(
            f"/auth/login_flow/{flow['flow_id']}",
            own | {"username": _USER, "password": _PASSWORD},
        )
        answer = self._session.post(
            f"{self.url}/auth/token",
            data=own | {"grant_type": "authorization_code", "code": done["result"]},
            timeout=20,
        )
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _post(self, path: str, document: Any) -> Any:
        answer = self._session.post(self.url + path, json=document, timeout=60)
        assert answer.ok, (path, answer.status_code, answer.text, self.log)
        return answer.json()

    def add(self, integration: str, **fields: Any) -> None:
        """Settings, Devices & services, Add integration; `fields` are those of its form."""
        flow = self._post("/api/config/config_entries/flow", {"handler": integration})
        path = f"/api/config/config_entries/flow/{flow['flow_id']}"
        done = self._post(path, fields)
        assert done["type"] == "create_entry", done

    def state(self, entity: str) -> tuple[str, dict[str, Any]]:
        """State and attributes; "" and none where there is no such entity."""
        answer = self._session.get(f"{self.url}/api/states/{entity}", timeout=20)
        if answer.status_code == 404:
            return "", {}
        found = answer.json()
        return found["state"], found["attributes"]

    def entities(self) -> set[str]:
        """The names of all."""
        found = self._session.get(f"{self.url}/api/states", timeout=20).json()
        return {entity["entity_id"] for entity in found}

    def camera(self, entity: str) -> requests.Response:
        """A picture of a camera, through Home Assistant."""
        return self._session.get(f"{self.url}/api/camera_proxy/{entity}", timeout=30)

    def stream(self, entity: str, size: int) -> bytes:
        """The first bytes of a camera's stream, through Home Assistant."""
        got = b""
        with self._session.get(
            f"{self.url}/api/camera_proxy_stream/{entity}", timeout=30, stream=True
        ) as answer:
            for chunk in answer.iter_content(8192):
                got += chunk
                if len(got) >= size:
                    break
        return got

    def errors(self) -> list[str]:
        """What it complains of in its log."""
        return re.findall(r"^\S+ \S+ (?:ERROR|CRITICAL) .*$", self.log, re.MULTILINE)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
