"""The kiosk page in a real browser, with the real server, model and demo camera behind it.

Fixtures: `digits_server.url`, and `chromium_page`, 1024x600, which collects its `console_errors`.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from PIL import Image, ImageOps

pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
from playwright.sync_api import FilePayload, Page, ViewportSize, expect

expect.set_options(timeout=15_000)

# How people write them: points in hundredths of the pad's shorter side, from its upper left.
DIGITS = {
    "0": ["50,17 38,23 32,37 31,52 34,68 41,80 50,84 59,80 66,68 69,52 68,37 62,23 50,17"],
    "1": ["40,32 46,25 53,16 53,40 53,62 53,85"],
    "2": ["33,31 37,21 49,16 61,20 65,32 61,45 52,58 42,71 32,83 45,83 58,83 71,83"],
    "3": ["33,23 44,16 57,18 64,28 60,40 50,47 58,51 66,62 64,75 54,83 42,83 32,76"],
    "7": ["31,18 50,18 69,18 60,39 51,61 44,84", "37,52 50,51 64,50"],
}
# Common shapes that scikit-learn's digits lack.
PLAIN_SEVEN = ["31,18 50,18 69,18 60,39 51,61 44,84"]
FOOTED_ONE = ["38,34 46,25 52,17 52,40 52,62 52,84", "38,84 52,84 66,84"]

# Notes what passes between page and server: the last picture, and the answer to each frame.
NOTE_TRAFFIC = """
  window.traffic = { sent: [], answers: {} };
  const pass = window.fetch;
  window.fetch = async (path, options) => {
    const body = await options.body?.arrayBuffer();
    if (body) window.traffic.sent = [...new Uint8Array(body)];
    const response = await pass(path, options);
    const { frame, prediction } = await response.clone().json();
    if (frame) window.traffic.answers[frame.number] = prediction;
    return response;
  };
"""


@pytest.fixture
def page(chromium_page: Page, digits_server: Any) -> Iterator[Page]:
    """The kiosk page, just opened; the browser must not have asked any other host."""
    asked: list[str] = []
    chromium_page.on("request", lambda request: asked.append(request.url))
    chromium_page.add_init_script(NOTE_TRAFFIC)
    chromium_page.goto(digits_server.url)
    expect(chromium_page.get_by_test_id("tab-draw")).to_have_attribute("aria-selected", "true")
    yield chromium_page
    own = (digits_server.url, "data:", "blob:")
    assert [address for address in asked if not address.startswith(own)] == []


def no_errors(page: Page) -> None:
    """Nothing went wrong in the browser: no exception, no failed request, no refused style."""
    assert page.console_errors == []


def draw(page: Page, strokes: list[str], size: float = 1.0, shift: float = 0.0) -> None:
    """Moves the real mouse over the pad; size and shift (to the right) in shares of its side."""
    box = page.get_by_test_id("pad").bounding_box()
    assert box is not None
    side = min(box["width"], box["height"])
    left = box["x"] + (box["width"] - size * side) / 2 + shift * side
    top = box["y"] + (box["height"] - size * side) / 2
    for stroke in strokes:
        for number, point in enumerate(stroke.split()):
            x, y = (int(value) / 100 * size * side for value in point.split(","))
            page.mouse.move(left + x, top + y)
            if number == 0:
                page.mouse.down()
        page.mouse.up()


def expect_answer(page: Page, label: str) -> None:
    expect(page.get_by_test_id("result")).to_have_attribute("data-state", "answer")
    expect(page.get_by_test_id("answer")).to_have_text(label)


def held_out_digit(label: str) -> bytes:
    """A PNG of the first held-out digit of that label, dark on light, as a scan of it would be."""
    folder = resources.files("camera.sources")
    labels = (folder / "demo_digits.txt").read_text(encoding="ascii").split()
    row, column = divmod(labels.index(label), 20)
    with (folder / "demo_digits.png").open("rb") as file:
        sheet = Image.open(file).convert("L")
    tile = sheet.crop((column * 8, row * 8, column * 8 + 8, row * 8 + 8))
    photo = ImageOps.expand(ImageOps.invert(tile.resize((256, 256))), 32, fill=255)
    data = io.BytesIO()
    photo.save(data, "PNG")
    return data.getvalue()


@pytest.mark.parametrize(
    ("label", "strokes"), [*DIGITS.items(), ("7", PLAIN_SEVEN), ("1", FOOTED_ONE)]
)
def test_a_drawn_digit_is_named(page: Page, label: str, strokes: list[str]) -> None:
    draw(page, strokes)
    expect_answer(page, label)
    expect(page.get_by_test_id("confidence")).to_have_text(re.compile(r"^(> )?\d+\s%$"))
    expect(page.get_by_test_id("runners-up").get_by_role("listitem")).to_have_count(3)
    expect(page.get_by_test_id("announcement")).to_contain_text(f"{label}, ")
    no_errors(page)


def test_a_small_drawing_at_the_side_is_centred_and_enlarged_before_it_is_sent(page: Page) -> None:
    draw(page, DIGITS["2"], size=0.4, shift=-0.25)
    expect_answer(page, "2")
    picture = Image.open(io.BytesIO(bytes(page.evaluate("window.traffic.sent"))))
    assert (picture.format, picture.size) == ("PNG", (256, 256))
    left, top, right, bottom = ImageOps.invert(picture.convert("L")).getbbox() or (0, 0, 0, 0)
    assert bottom - top == pytest.approx(0.8 * 256, abs=4)
    assert (left + right) / 2 == pytest.approx(128, abs=2)
    assert (top + bottom) / 2 == pytest.approx(128, abs=2)


def test_clear_takes_a_fresh_sheet(page: Page) -> None:
    clear = page.get_by_test_id("clear")
    draw(page, DIGITS["7"])
    expect_answer(page, "7")
    clear.press("Enter")
    expect(page.get_by_test_id("result")).to_have_attribute("data-state", "idle")
    expect(clear).to_be_disabled()
    draw(page, DIGITS["1"])
    expect_answer(page, "1")


def test_a_chosen_picture_is_named(page: Page) -> None:
    page.get_by_test_id("tab-upload").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_test_id("choose").click()
    four = FilePayload(name="four.png", mimeType="image/png", buffer=held_out_digit("4"))
    chooser.value.set_files(four)
    expect_answer(page, "4")
    expect(page.get_by_test_id("upload-preview")).to_be_visible()
    page.get_by_test_id("tab-draw").click()  # has no answer of its own yet
    expect(page.get_by_test_id("result")).to_have_attribute("data-state", "idle")
    no_errors(page)


def test_dropped_and_pasted_pictures_are_named(page: Page) -> None:
    for event, label in (("drop", "6"), ("paste", "5")):
        page.evaluate(
            """([event, bytes]) => {
              const data = new DataTransfer();
              data.items.add(new File([new Uint8Array(bytes)], 'a.png', { type: 'image/png' }));
              const init = { bubbles: true, cancelable: true };
              document.body.dispatchEvent(event === 'drop'
                ? new DragEvent('drop', { ...init, dataTransfer: data })
                : new ClipboardEvent('paste', { ...init, clipboardData: data }));
            }""",
            [event, list(held_out_digit(label))],
        )
        expect_answer(page, label)
        expect(page.get_by_test_id("tab-upload")).to_have_attribute("aria-selected", "true")
    no_errors(page)


def test_what_the_server_says_of_a_text_file_is_shown(page: Page, digits_server: Any) -> None:
    text = b"Dear server, this is a letter and not a picture.\n" * 4
    refusal = page.request.post(f"{digits_server.url}/predict", data=text)
    assert 400 <= refusal.status < 500
    letter = FilePayload(name="letter.txt", mimeType="text/plain", buffer=text)
    page.get_by_test_id("file").set_input_files(letter)
    expect(page.get_by_test_id("message")).to_have_text(refusal.json()["error"])
    expect(page.get_by_test_id("upload-name")).to_have_text("letter.txt")


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
    page.get_by_test_id("tab-camera").click()
    stream = page.get_by_test_id("stream")
    expect(stream).to_be_visible()
    expect(stream).to_have_js_property("naturalWidth", 640)

    shown, said = live_answer(page)
    assert shown == said
    shown, said = live_answer(page, other_than=shown)  # the slideshow goes on
    assert shown == said
    no_errors(page)


def test_the_stream_ends_when_its_tab_is_left(page: Page, digits_server: Any) -> None:
    def viewers() -> int:
        ready = page.request.get(f"{digits_server.url}/readyz").json()
        return int(ready["camera"]["viewers"])

    page.get_by_test_id("tab-camera").click()
    expect(page.get_by_test_id("stream")).to_have_js_property("naturalWidth", 640)
    assert viewers() >= 1
    page.get_by_test_id("tab-draw").click()
    deadline = time.monotonic() + 10
    while viewers() > 0:
        assert time.monotonic() < deadline, "the stream goes on behind another tab"
        page.wait_for_timeout(50)


def test_a_lost_camera_is_said_and_comes_back(page: Page) -> None:
    notice, result = page.get_by_test_id("camera-notice"), page.get_by_test_id("result")
    refusal = {"error": "The camera is gone: check its cable."}
    page.get_by_test_id("tab-camera").click()
    expect(result).to_have_attribute("data-state", "answer")
    page.route("**/camera/prediction", lambda route: route.fulfill(status=503, json=refusal))
    expect(notice).to_contain_text(refusal["error"])
    expect(result).to_have_attribute("data-state", "idle")
    page.unroute("**/camera/prediction")
    expect(notice).to_be_hidden()
    expect(result).to_have_attribute("data-state", "answer")


def test_a_server_that_is_gone_is_said_and_the_drawing_is_named_when_it_is_back(page: Page) -> None:
    page.context.set_offline(True)
    draw(page, DIGITS["0"])
    expect(page.get_by_test_id("server-gone")).to_be_visible()
    expect(page.get_by_test_id("result")).to_have_attribute("data-state", "failed")
    page.context.set_offline(False)
    expect(page.get_by_test_id("server-gone")).to_be_hidden()
    expect_answer(page, "0")


def test_a_low_confidence_is_called_not_sure(page: Page) -> None:
    page.route(
        "**/predict", lambda route: route.fulfill(json=route.fetch().json() | {"confidence": 0.42})
    )
    draw(page, DIGITS["3"])
    expect(page.get_by_test_id("answer")).to_have_text("Not sure")
    expect(page.get_by_test_id("result")).to_contain_text("perhaps 3")
    expect(page.get_by_test_id("confidence")).to_have_text(re.compile(r"^42\s%$"))


def test_the_model_and_its_held_out_accuracy_are_shown(page: Page, digits_server: Any) -> None:
    ready = page.request.get(f"{digits_server.url}/readyz").json()
    model, validation = ready["model"], ready["validation"]
    plate = page.get_by_test_id("model-text")
    for part in (model["name"], f"version {model['version']}", model["recipe"], "kB"):
        expect(plate).to_contain_text(part)
    text = page.get_by_test_id("accuracy").inner_text()
    shown = re.fullmatch(r"([\d.]+)\s% on (\d+) held-out photos, (\w+) file", text)
    assert shown is not None, text
    top1 = validation["candidate"]["top1"]
    assert float(shown[1]) == pytest.approx(100 * top1, abs=0.0501)
    assert int(shown[2]) == validation["samples"]
    assert shown[3] == model["recipe"]


def test_kiosk_screens_need_no_scrolling(page: Page) -> None:
    draw(page, DIGITS["1"])
    expect_answer(page, "1")
    for width, height in ((1920, 1080), (1024, 600), (800, 480)):
        page.set_viewport_size(ViewportSize(width=width, height=height))
        expect(page.get_by_test_id("model")).to_be_in_viewport(ratio=1)
        expect(page.get_by_test_id("answer")).to_be_in_viewport(ratio=1)
        root = page.locator("html")
        expect(root).to_have_js_property("scrollWidth", width)
        expect(root).to_have_js_property("scrollHeight", height)


def test_the_tabs_work_from_the_keyboard(page: Page) -> None:
    page.get_by_test_id("tab-draw").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("tab-camera")).to_be_focused()
    expect(page.get_by_test_id("stream")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_test_id("tab-upload")).to_be_focused()
    expect(page.get_by_test_id("choose")).to_be_visible()


def test_a_german_browser_gets_german_texts(page: Page, digits_server: Any) -> None:
    browser = page.context.browser
    assert browser is not None
    with browser.new_context(locale="de-AT") as context:
        german = context.new_page()
        german.goto(digits_server.url)
        expect(german.get_by_test_id("tab-draw")).to_have_text("Zeichnen")
        expect(german.get_by_test_id("accuracy")).to_have_text(
            re.compile(r"^\d+,\d\s% auf \d+ zurückgehaltenen Fotos, \w+-Datei$")
        )
        assert german.evaluate("document.documentElement.lang") == "de"
