"""A browser that shows one address full screen, and is ended with all that it has started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from typing import Final

from edge_server.errors import EdgeError, SettingError

# Chromium's, of Debian and Raspberry Pi OS, of Ubuntu, and Google's.
_PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
# Nothing that asks a visitor something, nothing that leads away from the page, and no look for
# updates, which the system's package brings.
_OPTIONS: Final = (
    "--kiosk",
    "--no-first-run",
    "--no-default-browser-check",
    "--noerrdialogs",
    "--disable-session-crashed-bubble",
    "--disable-features=Translate",
    "--disable-pinch",
    "--overscroll-history-navigation=0",
    "--password-store=basic",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disk-cache-size=8388608",
    "--ozone-platform-hint=auto",
)
# A browser that hangs does not end by being asked to. Seconds.
_END_SECONDS: Final = 5.0


class BrowserFailed(EdgeError):
    """A browser that is there can't be started."""


def find(program: str | None = None) -> str:
    """The path of a browser: of this program, or of Chromium. Raises SettingError for none."""
    for name in (program,) if program else _PROGRAMS:
        found = shutil.which(name)
        if found:
            return found
    if program:
        raise SettingError(f"There is no program {program}: name a Chromium with --browser.")
    raise SettingError("There is no Chromium: run `sudo apt-get install chromium`.")


@contextlib.contextmanager
def shown(program: str, url: str, options: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """The browser, at this address, until the block ends; it knows nothing of earlier ones.

    What it keeps lies in memory where the system offers that ($XDG_RUNTIME_DIR), not on a card.
    Raises BrowserFailed where it can't be started.
    """
    with contextlib.ExitStack() as stack:
        try:
            profile = stack.enter_context(
                tempfile.TemporaryDirectory(
                    prefix="edge-kiosk-",
                    dir=os.environ.get("XDG_RUNTIME_DIR"),
                    ignore_cleanup_errors=True,
                )
            )
            process = subprocess.Popen(
                [program, *_OPTIONS, f"--user-data-dir={profile}", *options, url],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise BrowserFailed(f"The browser {program} can't be started: {error}.") from error
        stack.callback(_end, process)
        yield process


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the browser and the processes that it has started, which are its group."""
    _tell(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
    _tell(process.pid, signal.SIGKILL)
    process.wait()


def _tell(group: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, what)
