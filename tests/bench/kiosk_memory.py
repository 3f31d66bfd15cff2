#!/usr/bin/env python3
"""Whether the kiosk page's memory grows: all that it does in hours, in minutes.

usage: $(scripts/environment dev)/bin/python tests/bench/kiosk_memory.py [--how page|stream]
           [--minutes 10] [--times 1] [--fps 100] [--size 640x480]

`page` shows the kiosk page with its camera; `stream`, for comparison, one MJPEG stream in an img.
--times 16 has the page's own clock run 16 times as fast, so that all of it happens as often as in
a day within 90 minutes: pictures, answers, heartbeats, what is forgotten, the watchdog.
--fps is the camera's rate in real time; smaller pictures come faster.
Prints how often the page was loaded (once, when nothing went wrong), the pictures and answers that
the server sent to it, and what the browser takes.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests" / "e2e"), str(ROOT)]

from conftest import serve  # noqa: E402

from browser_memory import kiosk_browser, measure  # noqa: E402
from fast_clock import product_with_fast_clock  # noqa: E402
from network_camera import NetworkCamera, noise  # noqa: E402

_SENT = r'^edge_http_requests_total\{.*route="%s",status="200".*\} (\S+)'
_ROUTES = {"loads": "/", "pictures": "/camera/snapshot.jpg", "answers": "/camera/prediction"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--how", choices=("page", "stream"), default="page")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--fps", type=float, default=100)
    parser.add_argument("--size", type=_size, default=(640, 480))
    options = parser.parse_args()
    camera = NetworkCamera(noise(options.size), options.fps)
    with contextlib.ExitStack() as until_the_end:
        until_the_end.callback(camera.end)
        product = until_the_end.enter_context(product_with_fast_clock(options.times))
        server = until_the_end.enter_context(serve(["--camera", camera.url], product))
        address = f"{server.url}/?fps={options.fps / options.times:g}#camera"
        if options.how == "stream":
            page = product / "stream.html"
            page.write_text(f'<img src="{server.url}/camera/stream.mjpg">')
            address = page.as_uri()
        browser = until_the_end.enter_context(kiosk_browser(address))
        began = time.monotonic()
        print("minutes  page's hours  loads  pictures  answers  page MB  browser MB", flush=True)
        minutes = 0.0
        while minutes < options.minutes:
            time.sleep(max(5.0, options.minutes * 60 / 20))
            minutes = (time.monotonic() - began) / 60
            sent = _sent(server.url)
            if options.how == "stream":  # the server does not count the parts of a stream
                sent["pictures"] = int(minutes * 60 * options.fps)
            now = measure(browser)
            print(
                f"{minutes:7.1f}  {minutes * options.times / 60:12.2f}  {sent['loads']:5}  "
                f"{sent['pictures']:8}  {sent['answers']:7}  {now.pages / 1e6:7.1f}  "
                f"{now.browser / 1e6:10.1f}",
                flush=True,
            )
    return 0


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _sent(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = {what: re.findall(_SENT % re.escape(of), text, re.M) for what, of in _ROUTES.items()}
    return {what: int(sum(map(float, counts))) for what, counts in found.items()}


if __name__ == "__main__":
    try:
        sys.exit(main())
    except pytest.skip.Exception as missing:
        sys.exit(f"kiosk_memory: {missing}")
