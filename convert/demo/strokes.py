"""Digits as pen strokes, in the two common shapes that the data set lacks.

Its sevens nearly all have a crossbar and its ones no foot; a model that knows only those gets the
plain seven of a kiosk's visitor wrong.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw

from edge_server.inference.preprocessing import FloatTensor

# Points in a unit square, from its upper left: (class, strokes).
_SHAPES: Final[tuple[tuple[int, tuple[tuple[tuple[float, float], ...], ...]], ...]] = (
    (7, (((0.12, 0.05), (0.50, 0.05), (0.88, 0.05), (0.64, 0.50), (0.42, 0.98)),)),
    (7, (((0.15, 0.10), (0.55, 0.06), (0.85, 0.08), (0.70, 0.40), (0.60, 0.98)),)),
    (7, (((0.18, 0.24), (0.20, 0.06), (0.82, 0.06), (0.60, 0.52), (0.50, 0.98)),)),
    (1, (((0.30, 0.26), (0.54, 0.04), (0.54, 0.96)), ((0.30, 0.96), (0.78, 0.96)))),
    (1, (((0.50, 0.04), (0.50, 0.96)), ((0.28, 0.96), (0.72, 0.96)))),
    (1, (((0.28, 0.34), (0.56, 0.04), (0.54, 0.96)),)),
)
_SIDE: Final = 128


def drawn(each: int, side: int, rng: np.random.Generator) -> tuple[FloatTensor, Any]:
    """`each` pictures of every shape, no two alike.

    Returns ink float32 (n, side, side), 0 paper to 1 ink, and classes (n,).
    """
    pictures, labels = [], []
    for label, shape in _SHAPES:
        for _ in range(each):
            pictures.append(_draw(shape, side, rng))
            labels.append(label)
    return np.stack(pictures), np.array(labels, np.int64)


def _draw(
    shape: tuple[tuple[tuple[float, float], ...], ...], side: int, rng: np.random.Generator
) -> FloatTensor:
    image = Image.new("L", (_SIDE, _SIDE))
    pen = ImageDraw.Draw(image)
    width = int(rng.integers(10, 21))
    margin = 0.12 * _SIDE
    stretch = rng.uniform(0.7, 1.1)
    for stroke in shape:
        points = np.array(stroke) + rng.normal(0.0, 0.03, (len(stroke), 2))
        points[:, 0] = 0.5 + (points[:, 0] - 0.5) * stretch
        placed = [tuple(point) for point in margin + points * (_SIDE - 2 * margin)]
        pen.line(placed, fill=255, width=width, joint="curve")
        for x, y in (placed[0], placed[-1]):  # round ends
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    small = image.resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(small, np.float32) / np.float32(255.0)
