"""Runs the application in a production WSGI server until it is told to stop."""

from __future__ import annotations

import errno
import logging
import threading
from typing import Any, Final

from cheroot import wsgi

from edge_server import memory
from edge_server.app import create_app
from edge_server.errors import PortInUse, SettingError
from edge_server.http_connection import Connection
from edge_server.logs import fields
from edge_server.services import Services, build
from edge_server.settings import Settings
from edge_server.stopping import StopRequest

_log = logging.getLogger(__name__)

# Threads beside those that viewers hold and that wait for an interpreter: health, pages, uploads.
_SPARE_THREADS: Final = 6
_SHUTDOWN_SECONDS: Final = 5
_IDLE_SECONDS: Final = 10
_KEEP_ALIVE_CONNECTIONS: Final = 64


class _Server(wsgi.Server):
    """cheroot, logging where everything else does."""

    ConnectionClass = Connection

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        # Below an error it is a client that left, which needs no trace.
        _log.log(level, "%s", msg, exc_info=traceback and level >= logging.ERROR)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises EdgeError where it cannot begin."""
    memory.bound()
    # The port first: a wrong address is said at once, and whoever asks early waits for the model.
    server = _make(settings)
    _bind(server, settings)
    try:
        services = build(settings)
        server.wsgi_app = create_app(services)
    except BaseException:
        server.stop()
        raise
    memory.trim()  # loading tried the model in more ways than it is used

    def serve() -> None:
        try:
            server.serve()
        finally:
            stop.request()

    with StopRequest() as stop:
        services.start()
        acceptor = threading.Thread(target=serve, name="acceptor")
        acceptor.start()
        _announce(server, services)
        _log.info("stopping", extra=fields(signal=stop.wait()))
        services.stop()  # ends the streams, or their threads would hold up the server's stop
        server.stop()
        acceptor.join()
    _log.info("stopped")


def _make(settings: Settings) -> Any:
    # A request that waits for an interpreter and a viewer each hold a thread; with one for each
    # of them and some to spare, health checks are always answered and excess load is shed by the
    # pool, at once, and not by a queue of connections.
    threads = settings.viewers + settings.queue + settings.interpreter_count + _SPARE_THREADS
    server = _Server(
        (settings.host, settings.port),
        None,  # the application comes when its model is loaded
        numthreads=threads,
        max=threads,
        request_queue_size=128,
        timeout=_IDLE_SECONDS,
        shutdown_timeout=_SHUTDOWN_SECONDS,
        server_name="edge-server",
    )
    server.keep_alive_conn_limit = _KEEP_ALIVE_CONNECTIONS
    # Flask enforces the limit itself, in JSON; this one only ends a body that it has not seen.
    server.max_request_body_size = 2 * settings.max_body * 2**20
    server.max_request_header_size = 64 * 1024
    return server


def _bind(server: Any, settings: Settings) -> None:
    try:
        server.prepare()
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        text = str(error)
        if error.errno == errno.EADDRINUSE or "in use" in text:
            raise PortInUse(
                f"Port {settings.port} on {settings.host} is in use: stop the other program or "
                "choose another with --port."
            ) from error
        if error.errno == errno.EACCES or "ermission" in text:
            raise PortInUse(
                f"Listening on {where} is not permitted: use a port from 1024 with --port."
            ) from error
        raise SettingError(
            f"Listening on {where} is not possible ({text}): give an address of this machine "
            "with --host."
        ) from error


def _announce(server: Any, services: Services) -> None:
    host, port = server.bind_addr[:2]
    shown = f"[{host}]" if ":" in host else host
    told = fields(model=services.models.default_name, url=f"http://{shown}:{port}/")
    _log.info("serving", extra=told)
    if host in ("127.0.0.1", "::1", "localhost"):
        _log.info("only this machine can reach it; --host 0.0.0.0 opens it to the network")
