"""A request as WSGI has it (PEP 3333), and the answer as it comes from the application."""

from __future__ import annotations

import sys
from functools import cache, lru_cache
from typing import Any

from cheroot.wsgi import Gateway_10

from edge_server.body import IN_MEMORY
from edge_server.deadline import ARRIVED, IS_GONE, TURN
from edge_server.streaming import BEGIN_STREAM


class Gateway(Gateway_10):
    """Tells the application, besides what WSGI does, when a request came and whether it is over."""

    def get_environ(self) -> Any:
        """As cheroot, with less work for each request."""
        req = self.req
        env: dict[str, Any] = {
            **_constant_environ(req.server.software),
            "ACTUAL_SERVER_PROTOCOL": req.server.protocol,
            "PATH_INFO": req.path.decode("latin-1"),
            "QUERY_STRING": req.qs.decode("latin-1"),
            "REMOTE_ADDR": req.conn.remote_addr,
            "REMOTE_PORT": str(req.conn.remote_port),
            "REQUEST_METHOD": req.method.decode("latin-1"),
            "REQUEST_URI": req.uri.decode("latin-1"),
            "SERVER_NAME": req.server.server_name,
            "SERVER_PORT": str(req.server.bind_addr[1]),
            "SERVER_PROTOCOL": req.request_protocol.decode("latin-1"),
            "wsgi.input": req.rfile,
            "wsgi.input_terminated": bool(req.chunked_read),
            "wsgi.url_scheme": req.scheme.decode("latin-1"),
            ARRIVED: req.conn.arrived,
            IS_GONE: req.conn.is_gone,
            TURN: req.conn.turn,
            BEGIN_STREAM: req.begin_stream,
        }
        for name, value in req.inheaders.items():
            env[_variable(name)] = value.decode("latin-1")
        env.update(req.conn.ssl_env or {})
        return env

    def start_response(self, status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        """As cheroot, whose checks of the application Flask needs not."""
        if error and self.req.sent_headers:
            raise error[0][1]
        self.started_response = True
        self.req.status, self.req.outheaders = status, list(headers)
        return self.write

    def write(self, chunk: bytes) -> None:
        """As cheroot."""
        self.req.ensure_headers_sent()
        self.req.write(chunk)


@cache
def _constant_environ(software: str) -> dict[str, Any]:
    return {
        "SCRIPT_NAME": "",
        "SERVER_SOFTWARE": software,
        "wsgi.errors": sys.stderr,
        "wsgi.multiprocess": False,
        "wsgi.multithread": True,
        "wsgi.run_once": False,
        "wsgi.version": (1, 0),
        IN_MEMORY: True,
    }


@lru_cache(maxsize=256)
def _variable(header: bytes) -> str:
    """A header's name in the environment (RFC 3875, 4.1)."""
    name = header.decode("latin-1").upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"
