"""What the tests of the kiosk page share: digits as people write them, and as a scan of them."""

from __future__ import annotations

import io
from importlib import resources
from typing import Any

from PIL import Image, ImageOps

# How people write them: points in hundredths of the pad's shorter side, from its upper left.
DIGITS = {
    "0": ["50,17 38,23 32,37 31,52 34,68 41,80 50,84 59,80 66,68 69,52 68,37 62,23 50,17"],
    "1": ["40,32 46,25 53,16 53,40 53,62 53,85"],
    "2": ["33,31 37,21 49,16 61,20 65,32 61,45 52,58 42,71 32,83 45,83 58,83 71,83"],
    "3": ["33,23 44,16 57,18 64,28 60,40 50,47 58,51 66,62 64,75 54,83 42,83 32,76"],
    "7": ["31,18 50,18 69,18 60,39 51,61 44,84", "37,52 50,51 64,50"],
}


def draw(page: Any, strokes: list[str], size: float = 1.0, shift: float = 0.0) -> None:
    """Moves the real mouse over the pad; size and shift (to the right) in shares of its side."""
    pad = page.get_by_test_id("pad")
    pad.hover()  # waits until it is there, and stays where it is
    box = pad.bounding_box()
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


def expect_answer(page: Any, label: str) -> None:
    """The page shows this answer, and is sure of it."""
    from playwright.sync_api import expect

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
