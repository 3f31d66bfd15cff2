"""The camera on the kiosk page: live and taken pictures, history, and a camera that is lost."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
from playwright.sync_api import Page, expect

from network_camera import NetworkCamera, noise

expect.set_options(timeout=15_000)

# Notes what passes between page and server: pictures asked for, pictures sent, answers by frame.
NOTE_TRAFFIC = """
  window.traffic = { pictures: 0, sent: 0, answers: {} };
  const pass = window.fetch;
  window.fetch = async (address, options) => {
    const response = await pass(address, options);
    const path = new URL(address, location.href).pathname;
    if (path === '/camera/snapshot.jpg') {
      window.traffic.pictures += 1;
      if (response.ok) window.traffic.picture = (await response.clone().blob()).size;
    }
    if (path === '/predict') window.traffic.sent = options.body.size;
    if (path === '/camera/prediction' && response.ok) {
      const { frame, prediction } = await response.clone().json();
      window.traffic.answers[frame.number] = prediction;
    }
    return response;
  };
"""


@pytest.fixture
def page(chromium_page: Page, digits_server: Any) -> Page:
    """The kiosk page with its camera open."""
    chromium_page.add_init_script(NOTE_TRAFFIC)
    chromium_page.goto(f"{digits_server.url}/#camera")
    expect(chromium_page.get_by_test_id("live")).to_have_js_property("width", 640)
    return chromium_page


@pytest.fixture(scope="module")
def network_camera() -> Iterator[NetworkCamera]:
    camera = NetworkCamera(noise(), fps=20)
    yield camera
    camera.end()


@pytest.fixture(scope="module")
def network_server(run_server: Any, network_camera: NetworkCamera) -> Iterator[Any]:
    with run_server(["--camera", network_camera.url]) as server:
        yield server


def live_answer(page: Page, other_than: str = "") -> tuple[str, str]:
    """The shown answer to a frame, once it is not `other_than`; and the server's to that frame."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        # Not wait_for_function, which evaluates a string in the page: its policy forbids that.
        state, shown, said = page.evaluate(
            """() => {
              const { frame, state } = document.querySelector('#result').dataset;
              const shown = document.querySelector('#answer').textContent;
              return [state, shown, window.traffic.answers[frame]];
            }"""
        )
        if state == "answer" and shown != other_than:
            return shown, said
        page.wait_for_timeout(50)
    raise AssertionError(f"no other answer than '{other_than}' in 20 s")


def test_the_camera_is_named_frame_by_frame(page: Page) -> None:
    expect(page.get_by_test_id("live")).to_be_visible()
    shown, said = live_answer(page)
    assert shown == said
    shown, said = live_answer(page, other_than=shown)  # the slideshow goes on
    assert shown == said
    assert page.console_errors == []


def test_the_picture_goes_on_frame_by_frame(page: Page) -> None:
    live = page.get_by_test_id("live")
    first = int(live.get_attribute("data-number") or 0)
    pixels = "canvas => canvas.toDataURL()"
    before = live.evaluate(pixels)
    deadline = time.monotonic() + 15
    while live.evaluate(pixels) == before:
        assert time.monotonic() < deadline, "the picture stands still"
        page.wait_for_timeout(50)
    assert int(live.get_attribute("data-number") or 0) > first


@pytest.mark.parametrize("leave", ["another tab", "a page that nobody sees"])
def test_no_pictures_are_asked_for_while_nobody_sees_them(page: Page, leave: str) -> None:
    if leave == "another tab":
        page.get_by_test_id("tab-draw").click()
    else:
        page.evaluate(
            """() => {
              Object.defineProperty(document, 'hidden', { value: true });
              document.dispatchEvent(new Event('visibilitychange'));
            }"""
        )
    page.wait_for_timeout(500)  # what was on its way
    asked = page.evaluate("window.traffic.pictures")
    page.wait_for_timeout(1_500)
    assert page.evaluate("window.traffic.pictures") == asked


def test_a_taken_picture_stands_still_with_its_own_answer(page: Page) -> None:
    live, result = page.get_by_test_id("live"), page.get_by_test_id("result")
    live_answer(page)
    page.get_by_test_id("take").click()
    back = page.get_by_test_id("back")
    expect(back).to_be_visible()
    # Not that of a frame: the answer to what was sent, and what was sent is what is shown.
    expect(result).to_have_attribute("data-frame", "")
    expect(result).to_have_attribute("data-state", "answer")
    traffic = page.evaluate("window.traffic")
    assert traffic["sent"] == traffic["picture"] > 0
    number, asked = live.get_attribute("data-number"), traffic["pictures"]
    answer = page.get_by_test_id("answer").inner_text()
    page.wait_for_timeout(2_500)  # the slideshow shows another digit meanwhile
    assert live.get_attribute("data-number") == number
    assert page.evaluate("window.traffic.pictures") == asked
    expect(page.get_by_test_id("answer")).to_have_text(answer)
    newest = page.get_by_test_id("history-list").get_by_role("listitem").first
    expect(newest).to_contain_text(answer)
    expect(newest.locator("canvas")).to_be_visible()
    page.keyboard.press("Escape")
    expect(back).to_be_hidden()
    expect(page.get_by_test_id("take")).to_be_enabled()
    expect(live).not_to_have_attribute("data-number", str(number))


def test_a_taken_picture_goes_back_to_live_by_itself(
    chromium_page: Page, digits_server: Any
) -> None:
    chromium_page.clock.install()
    chromium_page.goto(f"{digits_server.url}/#camera")
    take, back = chromium_page.get_by_test_id("take"), chromium_page.get_by_test_id("back")
    take.click()
    expect(back).to_be_focused()
    chromium_page.clock.fast_forward(31_000)
    expect(back).to_be_hidden()
    expect(take).to_be_focused()


def test_the_history_notes_what_the_camera_sees_and_keeps_so_many(page: Page) -> None:
    items = page.get_by_test_id("history-list").get_by_role("listitem")
    expect(items).to_have_count(2, timeout=30_000)
    texts = items.all_inner_texts()
    assert all(re.search(r"\d\s+(> )?\d+\s%\s·\s\d\d:\d\d", text) for text in texts), texts
    assert texts[0].split()[0] != texts[1].split()[0]


def test_the_history_is_bounded(page: Page) -> None:
    page.evaluate(
        """async () => {
          const { History } = await import('/static/history.js');
          const history = new History(
            document.getElementById('history-list'), document.getElementById('history-empty'), 0.5);
          for (let i = 0; i < 100; i += 1) {
            for (let held = 0; held < 4; held += 1) {
              history.follow({ prediction: `label ${i}`, confidence: 0.9 });
            }
          }
        }"""
    )
    texts = page.get_by_test_id("history-list").get_by_role("listitem").all_inner_texts()
    assert len(texts) == 12
    assert "label 99" in texts[0]


def test_a_flicker_and_what_is_not_sure_are_not_noted(page: Page) -> None:
    page.get_by_test_id("tab-draw").click()
    noted = page.evaluate(
        """async () => {
          const { History } = await import('/static/history.js');
          const list = document.createElement('ol');
          const history = new History(list, document.createElement('p'), 0.5);
          const see = (prediction, confidence, times) => {
            for (let i = 0; i < times; i += 1) history.follow({ prediction, confidence });
          };
          see('cat', 0.9, 5);
          see('dog', 0.9, 1);
          see('cat', 0.9, 5);
          see('owl', 0.4, 9);
          see('cat', 0.9, 5);
          return [...list.children].map((item) => item.querySelector('.noted-label').textContent);
        }"""
    )
    assert noted == ["cat", "cat"]  # the second one came after something that nobody knew


def test_a_lost_camera_is_said_with_since_when_and_comes_back(
    chromium_page: Page, network_server: Any, network_camera: NetworkCamera
) -> None:
    page = chromium_page
    page.goto(f"{network_server.url}/#camera")
    notice, result = page.get_by_test_id("camera-notice"), page.get_by_test_id("result")
    expect(result).to_have_attribute("data-state", re.compile("answer|unsure"))
    expect(notice).to_be_hidden()
    network_camera.switch_off()
    expect(notice).to_contain_text(re.compile(r"No picture since \d\d:\d\d"))
    expect(notice).to_contain_text("check its cable")
    expect(page.get_by_test_id("live")).to_be_hidden()
    expect(page.get_by_test_id("take")).to_be_disabled()
    expect(result).to_have_attribute("data-state", "idle")
    network_camera.switch_on()
    expect(notice).to_be_hidden(timeout=40_000)
    expect(page.get_by_test_id("live")).to_be_visible()
    expect(result).to_have_attribute("data-state", re.compile("answer|unsure"))


def test_an_answer_that_fails_is_not_called_a_lost_camera(page: Page) -> None:
    busy = {"error": "All interpreters are busy."}
    page.route("**/camera/prediction", lambda route: route.fulfill(status=503, json=busy))
    expect(page.get_by_test_id("message-detail")).to_have_text(busy["error"])
    expect(page.get_by_test_id("camera-notice")).to_be_hidden()
    expect(page.get_by_test_id("live")).to_be_visible()
    page.unroute("**/camera/prediction")
    expect(page.get_by_test_id("result")).to_have_attribute("data-state", "answer")


def test_a_screen_reader_hears_of_changes_and_not_of_every_frame(page: Page) -> None:
    live_answer(page)
    changes = page.evaluate(
        """async () => {
          const { Announcer } = await import('/static/announcer.js');
          const element = document.createElement('p');
          const said = [];
          const note = () => said.push(element.textContent);
          new MutationObserver(note).observe(element, { childList: true });
          const announcer = new Announcer(element);
          for (let i = 0; i < 50; i += 1) {
            announcer.sayInTurn(`answer ${i}`);
            await new Promise((resolve) => { setTimeout(resolve, 100); });
          }
          return said;
        }"""
    )
    assert changes == ["answer 0", changes[-1]]
    assert 30 <= int(changes[-1].split()[1]) < 50  # the newest of those that came meanwhile
