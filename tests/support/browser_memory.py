"""How much memory a kiosk's browser takes: a Chromium of its own, with no debugger attached.

A debugger keeps the bodies of the page's requests, which looks like a leak of the page.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools import missing

_FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1024,600",
)


@dataclass(frozen=True)
class Memory:
    """Bytes, proportional: of the processes that render pages, and of all of the browser's."""

    pages: int
    browser: int


@contextlib.contextmanager
def kiosk_browser(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A browser that shows the address until the block ends."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        missing("chromium", "needs Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [str(executable), *_FLAGS, f"--user-data-dir={profile}", url]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)


def measure(browser: subprocess.Popen[bytes]) -> Memory:
    """What the browser takes now."""
    family = _family(browser.pid)
    sizes = {process: _pss(process) for process in family}
    return Memory(
        pages=sum(size for process, size in sizes.items() if "type=renderer" in family[process]),
        browser=sum(sizes.values()),
    )


def _family(root: int) -> dict[int, str]:
    """The process and its descendants, each with its command line."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            parents[int(folder.name)] = int(
                (folder / "stat").read_text().rpartition(")")[2].split()[1]
            )
    found: dict[int, str] = {}
    for process in parents:
        place = process
        while place in parents and place != root:
            place = parents[place]
        if place == root:
            with contextlib.suppress(OSError):
                line = Path(f"/proc/{process}/cmdline").read_bytes()
                found[process] = line.replace(b"\0", b" ").decode(errors="replace")
    return found


def _pss(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    except OSError:  # it went just now
        return 0
    found = re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
