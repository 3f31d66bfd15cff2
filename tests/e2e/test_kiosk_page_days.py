"""The kiosk page over days: its memory stays as it is, and a page that stands still comes back."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
from playwright.sync_api import Page, expect

from browser_memory import kiosk_browser, measure
from network_camera import NetworkCamera, noise

expect.set_options(timeout=15_000)

MEGABYTE = 1_000_000
# Of 640 x 480 with much detail: kept decoded, 1000 of them would take 1200 MB, as they came 200 MB.
PICTURES = 1_000
# Notes in the browser's storage how often the page was loaded.
COUNT_LOADS = "localStorage.setItem('loads', Number(localStorage.getItem('loads')) + 1);"


@pytest.fixture(scope="module")
def fast_server(run_server: Any) -> Iterator[Any]:
    camera = NetworkCamera(noise(grains=(640, 480)), fps=60)
    with run_server(["--camera", camera.url]) as server:
        yield server
    camera.end()


def pictures(server: Any) -> int:
    """How many the server has sent to pages."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as answer:
        counts = re.findall(r"http_requests_total.*snapshot.*200.*} (\S+)", answer.read().decode())
    return int(sum(map(float, counts)))


def after_pictures(server: Any, count: int) -> None:
    deadline = time.monotonic() + 120
    while pictures(server) < count:
        assert time.monotonic() < deadline, "the pictures stand still"
        time.sleep(0.1)


def heap(page: Page) -> int:
    """Bytes of what the page's scripts hold on to."""
    tools = page.context.new_cdp_session(page)
    for _ in range(2):
        tools.send("HeapProfiler.collectGarbage")
    tools.send("Performance.enable")
    metrics = {m["name"]: m["value"] for m in tools.send("Performance.getMetrics")["metrics"]}
    tools.detach()
    return int(metrics["JSHeapUsedSize"])


def test_a_thousand_pictures_leave_nothing_in_the_scripts(
    chromium_page: Page, fast_server: Any
) -> None:
    chromium_page.goto(f"{fast_server.url}/?fps=60#camera")
    start = pictures(fast_server)
    after_pictures(fast_server, start + 200)
    before = heap(chromium_page)
    after_pictures(fast_server, start + 200 + PICTURES)
    assert heap(chromium_page) - before < 0.5 * MEGABYTE


def test_a_thousand_pictures_leave_nothing_in_the_browser(fast_server: Any) -> None:
    # It collects its garbage when it likes to, so the floor of several looks is what it needs.
    floors: list[int] = []
    start = pictures(fast_server)
    with kiosk_browser(f"{fast_server.url}/?fps=60#camera") as browser:
        for first in (200, 200 + PICTURES):
            looks = []
            for step in range(5):
                after_pictures(fast_server, start + first + 50 * step)
                looks.append(measure(browser).browser)
            floors.append(min(looks))
    # Some tens of megabytes come and go for hours; pictures that are kept are twice this.
    assert floors[1] - floors[0] < 100 * MEGABYTE, floors


def loads(page: Page) -> int:
    return int(page.evaluate("Number(localStorage.getItem('loads'))"))


def expect_loads(page: Page, count: int) -> None:
    deadline = time.monotonic() + 15
    while loads(page) < count:
        assert time.monotonic() < deadline, f"the page was loaded {loads(page)} times"
        page.wait_for_timeout(100)


@pytest.fixture
def timed_page(chromium_page: Page) -> Page:
    """A page whose clock the test moves on."""
    chromium_page.add_init_script(COUNT_LOADS)
    chromium_page.clock.install()
    return chromium_page


def hold(page: Page) -> None:
    """From now on the page's time passes in pass_seconds() alone, however slow this machine is."""
    page.clock.pause_at(page.evaluate("Date.now() / 1000") + 60)


def pass_seconds(page: Page, seconds: int) -> None:
    """In steps, between which the server's answers come: a clock that leaps is one that slept."""
    for _ in range(seconds):
        page.clock.run_for(1_000)
        page.wait_for_timeout(40)


def test_a_picture_that_stands_still_loads_the_page_anew(
    timed_page: Page, digits_server: Any
) -> None:
    timed_page.goto(f"{digits_server.url}/#camera")
    expect(timed_page.get_by_test_id("take")).to_be_enabled()
    # As a decoder that never answers.
    timed_page.evaluate("() => { window.createImageBitmap = () => new Promise(() => {}); }")
    hold(timed_page)
    pass_seconds(timed_page, 20)
    assert loads(timed_page) == 1
    pass_seconds(timed_page, 30)
    expect_loads(timed_page, 2)
    timed_page.clock.resume()
    expect(timed_page.get_by_test_id("take")).to_be_enabled()


def test_an_error_of_the_scripts_loads_the_page_anew_but_never_in_a_loop(
    timed_page: Page, digits_server: Any
) -> None:
    timed_page.goto(digits_server.url)
    expect(timed_page.get_by_test_id("accuracy")).not_to_be_empty()
    hold(timed_page)
    fail = "reportError(new Error('a mistake'))"
    timed_page.evaluate(fail)
    pass_seconds(timed_page, 5)
    expect_loads(timed_page, 2)
    expect(timed_page.get_by_test_id("accuracy")).not_to_be_empty()
    timed_page.evaluate(fail)
    pass_seconds(timed_page, 3)
    assert loads(timed_page) == 2  # the second time it waits 10 s, then 20 s, and so on
    pass_seconds(timed_page, 15)
    expect_loads(timed_page, 3)


def test_a_page_is_not_left_for_a_server_that_is_gone(timed_page: Page, digits_server: Any) -> None:
    timed_page.goto(digits_server.url)
    expect(timed_page.get_by_test_id("accuracy")).not_to_be_empty()
    timed_page.context.set_offline(True)
    timed_page.evaluate("() => { Promise.reject(new Error('a mistake')); }")
    pass_seconds(timed_page, 20)
    assert loads(timed_page) == 1
    expect(timed_page.get_by_test_id("server-gone")).to_be_visible()
    timed_page.context.set_offline(False)
    pass_seconds(timed_page, 5)
    expect_loads(timed_page, 2)


@pytest.mark.parametrize("news", ["edition", "model"])
def test_another_edition_or_model_loads_the_page_anew_once_nobody_touches_it(
    news: str, timed_page: Page, digits_server: Any
) -> None:
    timed_page.goto(digits_server.url)
    expect(timed_page.get_by_test_id("accuracy")).not_to_be_empty()

    def another(route: Any) -> None:
        answer = route.fetch().json()
        changed = "new" if news == "edition" else answer["model"] | {"sha256": "new"}
        route.fulfill(json=answer | {news: changed})

    timed_page.route("**/kiosk.json", another)
    hold(timed_page)
    timed_page.keyboard.press("Tab")
    pass_seconds(timed_page, 10)
    assert loads(timed_page) == 1
    pass_seconds(timed_page, 25)
    expect_loads(timed_page, 2)


def test_a_page_that_is_up_to_date_stays(timed_page: Page, digits_server: Any) -> None:
    timed_page.goto(f"{digits_server.url}/#camera")
    expect(timed_page.get_by_test_id("take")).to_be_enabled()
    pass_seconds(timed_page, 90)
    assert loads(timed_page) == 1
