"""The product with a page whose clock runs faster: all that it does in a day, in an hour or two.

The page's script is preceded by a module that divides its timers and multiplies its clocks; the
server is the same, and its own clock too. No debugger, which would take memory of its own.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

_CLOCK: Final = """\
const TIMES = %d;
const [began, RealDate] = [Date.now(), Date];
const [timeout, interval] = [window.setTimeout, window.setInterval];
const uptime = performance.now.bind(performance);
performance.now = () => uptime() * TIMES;
window.setTimeout = (then, after = 0, ...rest) => timeout(then, after / TIMES, ...rest);
window.setInterval = (then, every = 0, ...rest) => interval(then, every / TIMES, ...rest);
window.Date = class Date extends RealDate {
  constructor(...parts) { if (parts.length) super(...parts); else super(Date.now()); }
  static now() { return began + (RealDate.now() - began) * TIMES; }
};
"""


@contextlib.contextmanager
def product_with_fast_clock(times: int) -> Iterator[Path]:
    """A folder to run `python -m edge_server` in, until the block ends."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for package in ("edge_server", "camera"):
            unused = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / package, folder / package, ignore=unused)
        static = folder / "edge_server" / "static"
        (static / "fast_clock.js").write_text(_CLOCK % times, encoding="utf-8")
        page = static / "kiosk.js"
        script = page.read_text(encoding="utf-8")
        page.write_text(f"import './fast_clock.js';\n{script}", encoding="utf-8")
        yield folder
