"""The kiosk page in a real browser, with the real server, model and demo camera behind it.

Fixtures: `digits_server.url`, and `chromium_page`, 1024x600, which collects its `console_errors`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image, ImageOps

pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
from playwright.sync_api import FilePayload, Page, expect

from kiosk_page import DIGITS, draw, expect_answer, held_out_digit

expect.set_options(timeout=15_000)

# Common shapes that scikit-learn's digits lack.
PLAIN_SEVEN = ["31,18 50,18 69,18 60,39 51,61 44,84"]
FOOTED_ONE = ["38,34 46,25 52,17 52,40 52,62 52,84", "38,84 52,84 66,84"]

# Notes the last picture that the page sent.
NOTE_TRAFFIC = """
  window.traffic = { sent: [] };
  const pass = window.fetch;
  window.fetch = async (path, options) => {
    const body = await options?.body?.arrayBuffer();
    if (body) window.traffic.sent = [...new Uint8Array(body)];
    return pass(path, options);
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


def test_a_text_file_is_refused_in_the_page_s_words_with_the_server_s_beside(
    page: Page, digits_server: Any
) -> None:
    text = b"Dear server, this is a letter and not a picture.\n" * 4
    refusal = page.request.post(f"{digits_server.url}/predict", data=text)
    assert refusal.status == 415
    letter = FilePayload(name="letter.txt", mimeType="text/plain", buffer=text)
    page.get_by_test_id("file").set_input_files(letter)
    expect(page.get_by_test_id("message")).to_contain_text("can’t be read. Try a JPEG or PNG")
    expect(page.get_by_test_id("message-detail")).to_have_text(refusal.json()["error"])
    expect(page.get_by_test_id("upload-name")).to_have_text("letter.txt")


def test_a_server_that_is_gone_is_said_and_the_drawing_is_named_when_it_is_back(page: Page) -> None:
    page.context.set_offline(True)
    draw(page, DIGITS["0"])
    expect(page.get_by_test_id("server-gone")).to_have_text(
        re.compile(r"has not answered since \d\d:\d\d\.")
    )
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


def test_nothing_can_be_touched_before_it_answers(chromium_page: Page, digits_server: Any) -> None:
    page = chromium_page
    on_its_way: list[Any] = []

    def keep(route: Any) -> None:
        on_its_way.append(route)

    page.route("**/texts/*.json", keep)
    page.goto(digits_server.url)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for part in ("tab-draw", "tab-camera", "tab-upload", "pad", "clear", "take", "choose"):
        expect(page.get_by_test_id(part)).to_be_hidden()
    (texts,) = on_its_way
    texts.continue_()
    page.get_by_test_id("tab-camera").click()
    expect(page.get_by_test_id("live")).to_be_visible()


def test_the_tabs_work_from_the_keyboard(page: Page) -> None:
    page.get_by_test_id("tab-draw").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("tab-camera")).to_be_focused()
    expect(page.get_by_test_id("live")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_test_id("tab-upload")).to_be_focused()
    expect(page.get_by_test_id("choose")).to_be_visible()


def test_the_whole_page_can_be_used_from_the_keyboard_in_the_order_of_reading(page: Page) -> None:
    draw(page, DIGITS["7"])
    expect_answer(page, "7")
    page.get_by_test_id("tab-draw").focus()
    for part in ("clear", "history-list", "model"):
        page.keyboard.press("Tab")
        expect(page.get_by_test_id(part)).to_be_focused()


def test_each_picture_is_noted_with_its_answer(page: Page) -> None:
    items = page.get_by_test_id("history-list").get_by_role("listitem")
    draw(page, DIGITS["7"])
    expect_answer(page, "7")
    four = FilePayload(name="four.png", mimeType="image/png", buffer=held_out_digit("4"))
    page.get_by_test_id("file").set_input_files(four)
    expect_answer(page, "4")
    expect(items).to_have_count(2)
    assert [text.split()[0] for text in items.all_inner_texts()] == ["4", "7"]
    expect(items.locator("canvas")).to_have_count(2)
