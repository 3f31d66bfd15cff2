"""The status page in a real browser, beside the kiosk page that leads to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
from playwright.sync_api import Page, ViewportSize, expect

from kiosk_page import held_out_digit
from network_camera import NetworkCamera, noise

expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def camera() -> Iterator[NetworkCamera]:
    made = NetworkCamera(noise(), fps=20)
    yield made
    made.end()


@pytest.fixture(scope="module")
def server(run_server: Any, camera: NetworkCamera) -> Iterator[Any]:
    with run_server(["--camera", camera.url]) as running:
        yield running


@pytest.fixture
def page(chromium_page: Page, server: Any) -> Page:
    chromium_page.goto(f"{server.url}/status")
    expect(chromium_page.get_by_test_id("server")).to_contain_text("Runtime")
    return chromium_page


def test_it_keeps_itself_up_to_date(page: Page, server: Any) -> None:
    models = page.get_by_test_id("models")
    expect(models).to_contain_text("answers")
    before = page.request.get(f"{server.url}/status.json").json()["models"][0]["answered"]
    for _ in range(3):
        page.request.post(f"{server.url}/predict", data=held_out_digit("4"))
    expect(models).to_contain_text(f"{before + 3} answered, 0 failed")
    expect(page.get_by_test_id("figures")).to_contain_text(re.compile(r"\d(\.\d)?\sms"))
    assert page.console_errors == []


def test_a_lost_camera_needs_attention_and_stands_in_the_log(
    page: Page, camera: NetworkCamera
) -> None:
    verdict = page.get_by_test_id("verdict")
    expect(verdict).to_contain_text("All is well")
    camera.switch_off()
    expect(verdict).to_contain_text("Needs attention")
    expect(verdict).to_contain_text(re.compile(r"no picture since \d\d:\d\d"))
    expect(page.get_by_test_id("camera")).to_contain_text(re.compile("lost|opening"))
    expect(page.get_by_test_id("log")).to_contain_text("live -> lost")
    camera.switch_on()
    expect(verdict).to_contain_text("All is well", timeout=40_000)


def test_a_server_that_is_gone_is_said(page: Page) -> None:
    page.context.set_offline(True)
    expect(page.get_by_test_id("verdict")).to_contain_text(
        re.compile(r"has not answered since \d\d:\d\d")
    )
    page.context.set_offline(False)
    expect(page.get_by_test_id("verdict")).to_contain_text("All is well")


def test_the_kiosk_page_leads_there_and_the_wall_s_screen_goes_back_by_itself(
    chromium_page: Page, server: Any
) -> None:
    page = chromium_page
    page.clock.install()
    page.goto(server.url)
    page.get_by_test_id("model").click()
    expect(page.get_by_test_id("server")).to_contain_text("Kiosk page last asked")
    assert page.url.endswith("/status#from-kiosk")
    page.clock.fast_forward(125_000)
    expect(page.get_by_test_id("tab-draw")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1024, 600), (1920, 1080)])
def test_it_fits_every_screen(width: int, height: int, page: Page) -> None:
    page.set_viewport_size(ViewportSize(width=width, height=height))
    expect(page.locator("html")).to_have_js_property("scrollWidth", width)
