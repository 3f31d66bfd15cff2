"""Runs the application in a production WSGI server until it is told to stop."""

from __future__ import annotations

import errno
import logging
import threading
from typing import Any, Final

from edge_server import memory, processors
from edge_server.app import METRICS, create_app
from edge_server.errors import PortInUse, SettingError
from edge_server.http.connection import Connection
from edge_server.http.front import Options
from edge_server.http.intake import Limits
from edge_server.http.server import Server
from edge_server.http.tls import Certificate
from edge_server.inference.tuning import MAX_INTERPRETERS
from edge_server.line import Line
from edge_server.logs import fields
from edge_server.services import Services, build
from edge_server.settings import Settings
from edge_server.stopping import StopRequest

_log = logging.getLogger(__name__)

# Threads beside those that subscribers hold and that wait for an interpreter: health, pages,
# uploads.
_SPARE_THREADS: Final = 6
# So many of the largest bodies that are allowed may be in memory together.
_BODIES_AT_ONCE: Final = 4


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises EdgeError where it cannot begin."""
    memory.bound()
    # The port first: a wrong address is said at once, and whoever asks early waits for the model.
    line: Line[Connection] = Line(
        max(processors.count(), settings.interpreters),
        max_waiting=settings.queue,
        seconds=settings.timeout,
    )
    server = _make(settings, line)
    _bind(server, settings)
    try:
        services = build(settings, line)
        server.wsgi_app = app = create_app(services)
        server.count_refused = app.extensions[METRICS].http.refused
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


def _make(settings: Settings, line: Line[Connection]) -> Any:
    # A subscriber holds a thread, and so may a request that waits for an interpreter; an upload in
    # line and a viewer hold none. With one for each and some to spare, health checks are always
    # answered, and what is too much is turned away at once by its own route.
    interpreters = settings.interpreters or MAX_INTERPRETERS
    threads = settings.subscribers + settings.queue + interpreters + _SPARE_THREADS
    options = Options(
        limits=Limits(body=settings.max_body * 2**20),
        upload_seconds=settings.upload_timeout,
        memory=_BODIES_AT_ONCE * settings.max_body * 2**20,
        certificate=_certificate(settings),
    )
    return Server((settings.host, settings.port), threads, options, line)


def _certificate(settings: Settings) -> Certificate | None:
    if settings.tls_cert is None and settings.tls_key is None:
        return None
    if settings.tls_cert is None or settings.tls_key is None:
        raise SettingError("TLS needs a certificate and its key: give --tls-cert and --tls-key.")
    return Certificate(settings.tls_cert, settings.tls_key)


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
    settings = services.settings
    host, port = server.bind_addr[:2]
    shown = f"[{host}]" if ":" in host else host
    scheme = "https" if settings.tls_cert else "http"
    url = f"{scheme}://{shown}:{port}/"
    _log.info("serving", extra=fields(model=services.models.default_name, url=url))
    if host in ("127.0.0.1", "::1", "localhost"):
        _log.info("only this machine can reach it; --host 0.0.0.0 opens it to the network")
    elif settings.token_file is None:
        _log.warning(
            "everybody who reaches %s over a network can send pictures to this server%s: "
            "--token-file asks them for a token",
            *(shown, " and watch its camera" if services.camera else ""),
        )
    elif settings.tls_cert is None:
        _log.warning(
            "tokens and pictures cross the network readable for others on it: "
            "--tls-cert and --tls-key encrypt them"
        )
