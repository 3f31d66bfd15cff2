#!/usr/bin/env python3
"""Whether the kiosk page's memory grows: as many pictures as in hours, in minutes.

usage: $(scripts/environment dev)/bin/python tests/bench/kiosk_memory.py [--how page|stream]
           [--minutes 10] [--fps 100] [--size 640x480]

`page` shows the kiosk page with its camera; `stream`, for comparison, one MJPEG stream in an img.
Prints how many pictures the server sent to it, and what the browser takes. Smaller pictures come
faster: at 15 a second, the most that the page asks for, a day has 1,296,000.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests" / "e2e"), str(ROOT)]

from conftest import serve  # noqa: E402

from browser_memory import kiosk_browser, measure  # noqa: E402
from fast_camera import FastCamera  # noqa: E402

_SNAPSHOTS = re.compile(r'^edge_http_requests_total\{.*snapshot\.jpg.*status="200".*\} (\S+)', re.M)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--how", choices=("page", "stream"), default="page")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--fps", type=float, default=100)
    parser.add_argument("--size", type=_size, default=(640, 480))
    options = parser.parse_args()
    camera = FastCamera(options.fps, options.size)
    with serve(["--camera", camera.url]) as server, tempfile.TemporaryDirectory() as folder:
        address = f"{server.url}/?fps={options.fps:g}#camera"
        if options.how == "stream":
            page = Path(folder) / "stream.html"
            page.write_text(f'<img src="{server.url}/camera/stream.mjpg">')
            address = page.as_uri()
        with kiosk_browser(address) as browser:
            began = time.monotonic()
            print("minutes  pictures  page MB  browser MB", flush=True)
            while (minutes := (time.monotonic() - began) / 60) < options.minutes + 0.05:
                time.sleep(max(5.0, options.minutes * 60 / 20))
                pictures = _sent(server.url)
                if options.how == "stream":  # the server does not count the parts of a stream
                    pictures = int(minutes * 60 * options.fps)
                now = measure(browser)
                print(
                    f"{minutes:7.1f}  {pictures:8}  {now.pages / 1e6:7.1f}  "
                    f"{now.browser / 1e6:10.1f}",
                    flush=True,
                )
    camera.end()
    return 0


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _sent(url: str) -> int:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return int(sum(float(count) for count in _SNAPSHOTS.findall(text)))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except pytest.skip.Exception as missing:
        sys.exit(f"kiosk_memory: {missing}")
