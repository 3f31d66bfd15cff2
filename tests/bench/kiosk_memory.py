#!/usr/bin/env python3
"""Whether the kiosk page's memory grows: as many pictures as in hours, in minutes.

usage: $(scripts/environment dev)/bin/python tests/bench/kiosk_memory.py [--how page|stream]
           [--minutes 10] [--fps 60]

`page` shows the kiosk page with its camera; `stream`, for comparison, one MJPEG stream in an img.
Prints pictures that were shown, and what the browser takes.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests" / "e2e"), str(ROOT)]

from conftest import serve  # noqa: E402

from browser_memory import measure  # noqa: E402
from chromium import chromium  # noqa: E402
from fast_camera import FastCamera  # noqa: E402

COUNT_PICTURES = """
  window.pictures = 0;
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (...all) {
    if (this.canvas.id === 'live') window.pictures += 1;
    return draw.apply(this, all);
  };
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--how", choices=("page", "stream"), default="page")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--fps", type=float, default=60)
    options = parser.parse_args()
    camera = FastCamera(options.fps)
    with serve(["--camera", camera.url]) as server, chromium() as browser:
        page = browser.new_page(viewport={"width": 1024, "height": 600})
        page.add_init_script(COUNT_PICTURES)
        if options.how == "page":
            page.goto(f"{server.url}/?fps={options.fps:g}#camera")
        else:
            page.goto(f"{server.url}/healthz")
            page.evaluate(
                "document.body.append(Object.assign(new Image(), {src: '/camera/stream.mjpg'}))"
            )
        began = time.monotonic()
        print("minutes  pictures  scripts MB  page MB  browser MB", flush=True)
        while (minutes := (time.monotonic() - began) / 60) < options.minutes + 0.01:
            shown = page.evaluate("window.pictures")
            if options.how == "stream":  # the browser does not tell; those that were sent
                shown = int(minutes * 60 * options.fps)
            now = measure(page)
            print(
                f"{minutes:7.1f}  {shown:8}  {now.heap / 1e6:10.1f}  {now.page / 1e6:7.1f}  "
                f"{now.browser / 1e6:10.1f}",
                flush=True,
            )
            page.wait_for_timeout(max(5_000, options.minutes * 60_000 / 20))
    camera.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
