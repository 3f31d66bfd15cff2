"""Golden samples: a few small pictures with the answers to them, for the device to reproduce."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from convert.metrics import Scores
from edge_server.inference import decoding
from edge_server.inference.classification import top_indices
from edge_server.inference.decoding import Pixels
from edge_server.inference.manifest import Golden, Score
from edge_server.inference.preprocessing import Preprocessing

# How far a score may be off on another processor or runtime. Kernels of two runtimes differ by a
# few levels of 256 in int8; a wrong answer differs by far more.
TOLERANCE: Final = 0.05
COUNT: Final = 4
_TOP: Final = 5
# Photos are kept a little larger than the input, so that resizing is proven too.
_MARGIN: Final = 1.15
_LOSSLESS_BELOW: Final = 128


@dataclass(frozen=True)
class Picture:
    """An encoded golden picture and its pixels as every decoder gives them."""

    file: str
    data: bytes
    pixels: Pixels


def choose(scores: Scores, count: int) -> list[int]:
    """Rows for golden samples: the clearest answers, of different classes where there are any.

    scores (n, classes) of the original; returns at most `count` row numbers.
    """
    ordered = np.sort(scores, axis=1)
    margins = ordered[:, -1] - (ordered[:, -2] if scores.shape[1] > 1 else 0.0)
    best_first = [int(row) for row in np.argsort(-margins, kind="stable")]
    chosen: list[int] = []
    seen: set[int] = set()
    for row in best_first:
        answer = int(scores[row].argmax())
        if answer not in seen:
            seen.add(answer)
            chosen.append(row)
    repeated = [row for row in best_first if row not in set(chosen)]
    return (chosen + repeated)[:count]


def encode(number: int, photo: Path, spec: Preprocessing) -> Picture:
    """A photo as a golden picture: small, upright, without metadata."""
    image = Image.fromarray(decoding.decode(photo.read_bytes()))
    scale = max(spec.width / image.width, spec.height / image.height) * _MARGIN
    if scale < 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    if max(image.size) <= _LOSSLESS_BELOW:
        name = f"golden/{number}.png"
        image.save(stream, "PNG", optimize=True)
    else:
        name = f"golden/{number}.jpg"
        image.save(stream, "JPEG", quality=90, subsampling=0)
    data = stream.getvalue()
    return Picture(name, data, decoding.decode(data))


def samples(
    pictures: Sequence[Picture], original: Scores, candidate: Scores
) -> list[tuple[Picture, Golden]]:
    """The pictures whose answer is clear enough to insist on, at most COUNT, with the answers.

    original and candidate: scores (pictures, classes). An answer that another device's rounding
    could turn over would make it refuse a good file.
    """
    kept = []
    for picture, before, after in zip(pictures, original, candidate, strict=True):
        best = top_indices(after, 2)
        margin = float(after[best[0]] - (after[best[1]] if len(best) > 1 else 0.0))
        if margin > 2 * TOLERANCE:
            kept.append((picture, Golden(picture.file, _scores(before), _scores(after))))
    return kept[:COUNT]


def _scores(row: Scores) -> tuple[Score, ...]:
    return tuple(Score(i, round(float(row[i]), 6)) for i in top_indices(row, _TOP))
