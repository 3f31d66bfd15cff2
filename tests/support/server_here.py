"""The server in this process, with a line of its own, for tests that look into it."""

from __future__ import annotations

import threading

from edge_server import services as services_module
from edge_server.app import create_app
from edge_server.http.front import Options
from edge_server.http.intake import Limits
from edge_server.http.server import Server
from edge_server.line import Line
from edge_server.settings import Settings


class ServerHere:
    """The bundled model in one interpreter; `turns` requests are worked on at a time."""

    def __init__(self, *, turns=8, max_waiting=8, timeout=30, threads=16, **settings):
        self.line = Line(turns, max_waiting=max_waiting, seconds=timeout)
        chosen = {"camera": "none", "interpreters": 1, "timeout": timeout} | settings
        self.services = services_module.build(Settings(**chosen), self.line)
        options = Options(Limits(body=2**24), 10.0, 2**26)
        self.server = Server(("127.0.0.1", 0), threads, options, self.line)
        self.server.wsgi_app = create_app(self.services)
        self.server.prepare()
        self.services.start()
        self.address = self.server.bind_addr
        self._thread = threading.Thread(target=self.server.serve)
        self._thread.start()

    @property
    def places(self):
        return self.services.models.get().classifier._places

    def stop(self):
        self.services.stop()
        self.server.stop()
        self._thread.join(20)
