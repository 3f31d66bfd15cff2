"""`edge-server kiosk [URL]`: the page on this device's screen, in a browser that is kept going."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

from camera.command import program
from edge_server import logs
from edge_server.configuration.command_line import Parser
from edge_server.configuration.values import redacted
from edge_server.errors import SettingError
from edge_server.kiosk import browser
from edge_server.kiosk.watch import Server, Watch
from edge_server.logs import fields
from edge_server.stopping import StopRequest

_log = logging.getLogger(__name__)

_URL: Final = "http://localhost:8080/"
# The page asks the server every five seconds. Whoever looks at the status or the documents on this
# screen is not heard of; the screen goes back from there after two minutes.
_PATIENCE: Final = 300.0
# How often it is looked whether the browser is there, and whether the server has heard of the page.
_LOOK_SECONDS, _ASK_SECONDS = 2.0, 10.0
# Between two browsers: the first, and the longest, where they end as soon as they have begun.
_PAUSE, _LONGEST_PAUSE = 2.0, 60.0


def run(arguments: Sequence[str]) -> int:
    """Run the command until it is told to stop; returns its exit status.

    Raises SettingError where there is no browser, or an option or the address is of no use.
    """
    chosen = _parser().parse_args(arguments)
    if not chosen.patience > 0:
        raise SettingError(
            f"--patience is {chosen.patience:g}: use seconds, {_PATIENCE:g} as usual."
        )
    logs.configure("info", "text")
    program = browser.find(chosen.browser)
    server = Server(chosen.url)
    stopped, errors = threading.Event(), list[Exception]()

    def show() -> None:
        try:
            _Kiosk(program, server, chosen, stopped).run()
        except Exception as error:
            errors.append(error)
            stop.request()

    with StopRequest() as stop:
        thread = threading.Thread(target=show, name="kiosk")
        thread.start()
        stop.wait()
        stopped.set()
        thread.join()
    if errors:
        raise errors[0]
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog=f"{program('edge_server')} kiosk",
        description="Show the page on this device's screen: wait for the server, start a browser, "
        "and start it again when it ends, or when the server has not heard of the page for a while "
        "although it answers. Exit status: 0 stopped, 2 no browser, or an address that can't be "
        "used, 1 else.",
    )
    parser.add_argument(
        "url",
        metavar="URL",
        nargs="?",
        default=os.environ.get("KIOSK_URL", _URL),
        help="of the page, as http://edge:TOKEN@localhost:8080/ where the server asks for a token; "
        f"without it $KIOSK_URL, or {_URL}",
    )
    parser.add_argument("--browser", metavar="PROGRAM", help="a Chromium; found by itself")
    parser.add_argument(
        "--browser-option",
        metavar="OPTION",
        action="append",
        default=[],
        help="one more option for it, as --browser-option=--force-device-scale-factor=2",
    )
    parser.add_argument(
        "--patience",
        metavar="SECONDS",
        type=float,
        default=_PATIENCE,
        help=f"how long the page may be silent; {_PATIENCE:g}",
    )
    return parser


class _Kiosk:
    """Browsers, one after the other."""

    def __init__(self, program: str, server: Server, chosen: Any, stopped: threading.Event) -> None:
        self._program, self._server, self._stopped = program, server, stopped
        self._options, self._patience = chosen.browser_option, chosen.patience

    def run(self) -> None:
        """Until it is stopped. Raises SettingError where the server asks for a token."""
        pause = _PAUSE
        while not self._stopped.is_set():
            self._wait_for_server()
            if self._stopped.is_set():
                return
            watch = Watch(self._patience)
            with browser.shown(self._program, self._server.url, self._options) as process:
                _log.info("shown", extra=fields(url=redacted(self._server.url)))
                reason = self._look_after(process, watch)
            if reason is None:
                return
            pause = _PAUSE if watch.has_heard else min(2 * pause, _LONGEST_PAUSE)
            _log.warning("the browser is started again", extra=fields(reason=reason, after=pause))
            self._stopped.wait(pause)

    def _wait_for_server(self) -> None:
        """A browser that comes before the server would show an error page."""
        is_told = False
        while not self._stopped.is_set():
            try:
                self._server.kiosk_seen()
            except OSError as error:
                if not is_told:
                    told = fields(url=redacted(self._server.url), reason=str(error))
                    _log.info("the server does not answer yet", extra=told)
                is_told = True
                self._stopped.wait(_LOOK_SECONDS)
            else:
                return

    def _look_after(self, process: Any, watch: Watch) -> str | None:
        """Why it has to be started again; None when all is to stop."""
        due = 0.0
        while not self._stopped.wait(_LOOK_SECONDS):
            status = process.poll()
            if status is not None:
                return f"it has ended with status {status}"
            if time.monotonic() < due:
                continue
            due = time.monotonic() + min(_ASK_SECONDS, self._patience / 3)
            try:
                watch.heard(self._server.kiosk_seen())
            except OSError:
                watch.server_gone()
            if self._server.is_here and watch.is_over:
                return f"nothing was heard of the page for {self._patience:g} s"
        return None
