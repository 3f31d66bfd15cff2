"""/docs in a real browser: whole, quiet, from this server alone, with a trial that works."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
from playwright.sync_api import FilePayload, Page, ViewportSize, expect


@pytest.fixture
def page(chromium_page: Page, digits_server: Any) -> Iterator[Page]:
    asked: list[str] = []
    chromium_page.on("request", lambda request: asked.append(request.url))
    chromium_page.goto(f"{digits_server.url}/docs")
    yield chromium_page
    own = (digits_server.url, "data:", "blob:")
    assert [address for address in asked if not address.startswith(own)] == []
    assert chromium_page.console_errors == []


def test_every_operation_is_shown(page: Page, digits_server: Any) -> None:
    api = page.request.get(f"{digits_server.url}/openapi.json").json()
    operations = sum(len(path) for path in api["paths"].values())
    expect(page.get_by_test_id("operation")).to_have_count(operations)
    links = page.locator("a[href^='#']").evaluate_all(
        "found => found.filter(a => !document.getElementById(a.hash.slice(1))).map(a => a.hash)"
    )
    assert links == []


def test_a_picture_can_be_tried(page: Page, digits_server: Any) -> None:
    api = page.request.get(f"{digits_server.url}/openapi.json").json()
    body = api["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    picture = base64.b64decode(body["examples"]["one image"]["value"]["image"])
    page.get_by_test_id("trial-file").set_input_files(
        FilePayload(name="a three.png", mimeType="image/png", buffer=picture)
    )
    expect(page.get_by_test_id("trial-answer")).to_have_text("3")
    expect(page.get_by_test_id("trial-json")).to_contain_text('"prediction": "3"')
    expect(page.get_by_test_id("trial-curl")).to_contain_text("@'a three.png'")


def test_an_address_opens_what_it_points_at(page: Page) -> None:
    shape = page.locator("#schema-OneAnswer")
    expect(shape).not_to_have_attribute("open", "")
    page.evaluate("() => { location.hash = '#schema-OneAnswer'; }")
    expect(shape).to_have_attribute("open", "")


def test_no_screen_has_to_scroll_sideways(page: Page) -> None:
    page.locator("details").evaluate_all("found => found.forEach(d => { d.open = true; })")
    for width, height in ((1440, 900), (390, 844)):
        page.set_viewport_size(ViewportSize(width=width, height=height))
        expect(page.locator("html")).to_have_js_property("scrollWidth", width)
