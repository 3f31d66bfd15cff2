"""How the kiosk page looks: readable, on every screen, in the owner's words and colours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
from playwright.sync_api import Browser, Page, ViewportSize, expect

from kiosk_page import DIGITS, draw, expect_answer

expect.set_options(timeout=15_000)

KIOSK_SCREENS = ((1920, 1080), (1024, 600), (800, 480))
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 3"><path d="M0 0h9v3H0z"/></svg>'

# The contrast of every text that can be seen with what is behind it, as WCAG 2.2 defines it. Texts
# over pictures have a background of their own.
CONTRASTS = """
  () => {
    const rgba = (text) => {
      const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
      return { r, g, b, a };
    };
    const behind = (element) => {
      for (let e = element; e; e = e.parentElement) {
        const colour = rgba(getComputedStyle(e).backgroundColor);
        if (colour.a === 1) return colour;
      }
      return { r: 255, g: 255, b: 255 };
    };
    const channel = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const luminance = ({ r, g, b }) =>
      0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
    const found = {};
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.textContent.trim()) continue;
      if (!element.checkVisibility({ visibilityProperty: true })) continue;
      if (element.closest('.visually-hidden, noscript, [disabled]')) continue;
      const [a, b] = [luminance(rgba(getComputedStyle(element).color)), luminance(behind(element))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const name = element.id || element.className || element.tagName;
      found[name] = Math.min(found[name] ?? Infinity, ratio);
    }
    return found;
  }
"""
# Everything that can be touched and is smaller than a finger.
SMALL_TARGETS = """
  () => [...document.querySelectorAll('button, a, [role=tab]')]
    .filter((element) => element.checkVisibility({ visibilityProperty: true }))
    .map((element) => [element.id || element.className, element.getBoundingClientRect()])
    .filter(([, box]) => box.height < 48 || box.width < 48)
    .map(([name, box]) => `${name} ${box.width}x${box.height}`)
"""


@pytest.fixture(scope="module")
def own_server(run_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """With title, logo, colours and a minimum of confidence of its own."""
    logo = Path(tmp_path_factory.mktemp("logo")) / "logo.svg"
    logo.write_text(LOGO)
    own = ["--title", "Museum of Numbers", "--logo", logo]
    own += ["--colors", "accent=#0b6e4f, paper=#fbf6ea, line=#c77d1e", "--min-confidence", "0.8"]
    with run_server(own) as server:
        yield server


def readable(page: Page) -> None:
    found = page.evaluate(CONTRASTS)
    assert len(found) >= 5, found
    assert {name: ratio for name, ratio in found.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("whose", ["own", "ours"])
def test_every_text_has_contrast_by_day_and_by_night(
    scheme: Any, whose: str, browser: Browser, digits_server: Any, own_server: Any
) -> None:
    server = own_server if whose == "own" else digits_server
    with browser.new_context(color_scheme=scheme, viewport={"width": 1024, "height": 600}) as made:
        page = made.new_page()
        page.goto(server.url)
        expect(page.get_by_test_id("message")).not_to_be_empty()
        readable(page)
        draw(page, DIGITS["1"])
        expect_answer(page, "1")
        expect(page.get_by_test_id("history-list").get_by_role("listitem")).to_have_count(1)
        page.wait_for_timeout(400)  # until nothing moves or fades
        readable(page)
        refuse = {"status": 503, "json": {"error": "busy"}}
        page.route("**/predict", lambda route: route.fulfill(**refuse))
        draw(page, DIGITS["1"])
        expect(page.get_by_test_id("message-detail")).to_have_text("busy")
        readable(page)
        page.goto(f"{server.url}/status")
        expect(page.get_by_test_id("figures")).to_contain_text("ms")
        readable(page)


def test_what_is_touched_is_as_large_as_a_finger(chromium_page: Page, digits_server: Any) -> None:
    for width, height in (*KIOSK_SCREENS, (390, 844)):
        chromium_page.set_viewport_size(ViewportSize(width=width, height=height))
        for tab in ("draw", "camera", "upload"):
            chromium_page.goto(f"{digits_server.url}/#{tab}")
            expect(chromium_page.get_by_test_id(f"tab-{tab}")).to_have_attribute(
                "aria-selected", "true"
            )
            if tab == "camera":
                expect(chromium_page.get_by_test_id("take")).to_be_enabled()
            assert chromium_page.evaluate(SMALL_TARGETS) == [], (width, tab)


def test_title_logo_and_colours_are_the_owner_s(chromium_page: Page, own_server: Any) -> None:
    chromium_page.goto(own_server.url)
    expect(chromium_page.get_by_role("heading", level=1)).to_have_text("Museum of Numbers")
    logo = chromium_page.get_by_test_id("logo")
    expect(logo).to_be_visible()
    ratio = "image => image.decode().then(() => image.naturalWidth / image.naturalHeight)"
    assert logo.evaluate(ratio) == pytest.approx(3)
    draw(chromium_page, DIGITS["1"])
    expect_answer(chromium_page, "1")
    expect(chromium_page.get_by_test_id("answer")).to_have_css("color", "rgb(11, 110, 79)")
    expect(chromium_page.locator("body")).to_have_css("background-color", "rgb(251, 246, 234)")
    assert chromium_page.console_errors == []


def test_from_which_confidence_it_is_sure_the_setting_says(
    chromium_page: Page, own_server: Any
) -> None:
    chromium_page.goto(own_server.url)
    result, confidence = chromium_page.get_by_test_id("result"), 0.0

    def answer(route: Any) -> None:
        route.fulfill(json=route.fetch().json() | {"confidence": confidence})

    chromium_page.route("**/predict", answer)
    for confidence, state in ((0.79, "unsure"), (0.8, "answer")):  # noqa: B007
        draw(chromium_page, DIGITS["1"])
        expect(result).to_have_attribute("data-state", state)
        chromium_page.get_by_test_id("clear").click()


def test_kiosk_screens_need_no_scrolling(chromium_page: Page, digits_server: Any) -> None:
    page = chromium_page
    page.goto(digits_server.url)
    draw(page, DIGITS["1"])
    expect_answer(page, "1")
    for width, height in KIOSK_SCREENS:
        page.set_viewport_size(ViewportSize(width=width, height=height))
        for part in ("model", "answer", "history", "clear", "runners-up"):
            expect(page.get_by_test_id(part)).to_be_in_viewport(ratio=1)
        root = page.locator("html")
        expect(root).to_have_js_property("scrollWidth", width)
        expect(root).to_have_js_property("scrollHeight", height)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1024, 600), (800, 480), (390, 844)])
def test_the_longest_label_stays_inside_its_place(
    width: int, height: int, chromium_page: Page, digits_server: Any
) -> None:
    page = chromium_page
    page.set_viewport_size(ViewportSize(width=width, height=height))
    page.goto(digits_server.url)
    label = "American Staffordshire terrier, Staffordshire terrier, American pit bull terrier"
    other = {"label": label, "confidence": 0.1, "index": 1}
    long = {"prediction": label, "confidence": 0.6, "top_k": [other] * 4}
    page.route("**/predict", lambda route: route.fulfill(json=route.fetch().json() | long))
    draw(page, DIGITS["1"])
    expect_answer(page, label)
    sticking_out = page.evaluate(
        """() => {
          const box = document.querySelector('#answer').parentElement;
          return [box.scrollHeight - box.clientHeight, box.scrollWidth - box.clientWidth,
                  document.documentElement.scrollWidth - innerWidth];
        }"""
    )
    assert max(sticking_out) <= 1, sticking_out


def test_a_german_browser_gets_german_texts(browser: Browser, digits_server: Any) -> None:
    with browser.new_context(locale="de-AT") as context:
        german = context.new_page()
        german.goto(digits_server.url)
        expect(german.get_by_test_id("tab-draw")).to_have_text("Zeichnen")
        expect(german.get_by_test_id("accuracy")).to_have_text(
            re.compile(r"^\d+,\d\s% auf \d+ zurückgehaltenen Fotos, \w+-Datei$")
        )
        assert german.evaluate("document.documentElement.lang") == "de"


def test_the_address_goes_before_the_browser_s_language(
    chromium_page: Page, digits_server: Any
) -> None:
    chromium_page.goto(f"{digits_server.url}/?lang=de")
    expect(chromium_page.get_by_test_id("answer")).to_have_text("Eine Ziffer zeichnen")


def test_who_wants_no_motion_gets_none(browser: Browser, digits_server: Any) -> None:
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(f"{digits_server.url}/#camera")
        page.get_by_test_id("take").click()
        expect(page.get_by_test_id("live")).to_have_css("animation-name", "none")
        expect(page.locator(".bar-main .bar-fill")).to_have_css("transition-property", "none")


def test_a_phone_may_use_its_own_camera_and_a_screen_on_the_wall_may_not(
    browser: Browser, digits_server: Any
) -> None:
    phone = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"
    for agent, is_phone in ((phone, True), (None, False)):
        with browser.new_context(user_agent=agent, is_mobile=is_phone) as context:
            page = context.new_page()
            page.goto(f"{digits_server.url}/#upload")
            expect(page.get_by_test_id("choose")).to_be_visible()
            expect(page.get_by_test_id("phone-camera")).to_be_visible(visible=is_phone)
            expect(page.get_by_test_id("phone-file")).to_have_attribute("capture", "environment")
