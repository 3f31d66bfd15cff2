"""What decoding a 12-megapixel photo at a reduced scale saves, and whether the answers stay.

    python tests/bench/phone_photos.py MODEL.tflite ... --photos validation.csv [--limit N] [--json]

Each photo is enlarged to 12 megapixels and saved as phones do (JPEG 4:2:0, quality 90, on its
side with an EXIF orientation), then decoded and resized whole and reduced. Prints the median time
of both, by the thread's own clock, and for each model how many photos get another answer. As a
yardstick for a model's own noise, `dithered` does the same for whole decoding with a twelfth of
the values one level off.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edge_server.inference import bundle, decoding, preprocessing
from edge_server.inference.classifier import Classifier
from edge_server.inference.preprocessing import Preprocessing

MEGAPIXELS = 12e6
ORIENTATION, ON_ITS_SIDE = 0x0112, 6
# Sides of phone photos can be divided by this.
MULTIPLE = 8
DITHERED = 1 / 12


def as_from_a_phone(path: Path) -> bytes:
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    scale = (MEGAPIXELS / (image.width * image.height)) ** 0.5 / MULTIPLE
    size = (round(image.width * scale) * MULTIPLE, round(image.height * scale) * MULTIPLE)
    large = image.resize(size, Image.Resampling.LANCZOS).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[ORIENTATION] = ON_ITS_SIDE
    stream = io.BytesIO()
    large.save(stream, "JPEG", quality=90, subsampling="4:2:0", exif=exif)
    return stream.getvalue()


def phone_photos(photos: list[Path]) -> Iterator[bytes]:
    """Made by two threads, a few ahead of whoever takes them."""
    with ThreadPoolExecutor(2) as threads:
        for start in range(0, len(photos), 8):
            yield from threads.map(as_from_a_phone, photos[start : start + 8])


def both_ways(data: bytes, spec: Preprocessing) -> tuple[Any, Any, int, float, float]:
    """What the model sees, whole and reduced; by how much; milliseconds of each."""
    start = time.thread_time()
    whole = preprocessing.resize(decoding.decode(data), spec)
    middle = time.thread_time()
    picture = preprocessing.decode(data, spec)
    reduced = preprocessing.resize(picture.pixels, spec, picture.reduced)
    times = ((middle - start) * 1e3, (time.thread_time() - middle) * 1e3)
    return whole, reduced, picture.reduced, *times


def measure(models: list[Classifier], photos: list[Path], labels: Any) -> dict[str, Any]:
    spec = models[0].spec
    seen = [both_ways(data, spec) for data in phone_photos(photos)]
    wholes, reduceds = [s[0] for s in seen], [s[1] for s in seen]
    chance = np.random.default_rng(0)
    steps = chance.choice(
        [-1, 0, 1], np.shape(wholes), p=[DITHERED / 2, 1 - DITHERED, DITHERED / 2]
    )
    dithered = list(np.clip(np.array(wholes, np.int16) + steps, 0, 255).astype(np.uint8))
    return {
        "photos": len(seen),
        "reduced_by": sorted({s[2] for s in seen}),
        "whole_ms": round(float(np.median([s[3] for s in seen])), 1),
        "reduced_ms": round(float(np.median([s[4] for s in seen])), 1),
        "largest_difference": int(
            max(np.abs(r.astype(int) - w).max() for w, r in zip(wholes, reduceds, strict=True))
        ),
        "models": [compare(model, labels, wholes, reduceds, dithered) for model in models],
    }


def compare(
    model: Classifier, labels: Any, wholes: Any, reduceds: Any, dithered: Any
) -> dict[str, Any]:
    """How a model answers; `margins` are between the two best scores of whole decoding, for the
    photos that reduced decoding answers otherwise."""

    def answers(pictures: Any) -> Any:
        return np.stack([model.scores(picture) for picture in pictures])

    whole, reduced, other = answers(wholes), answers(reduceds), answers(dithered)
    best = whole.argmax(axis=1)
    moved = np.flatnonzero(reduced.argmax(axis=1) != best)
    first_two = np.sort(whole[moved], axis=1)[:, -2:]
    return {
        "model": model.bundle.name,
        "recipe": model.bundle.manifest.recipe if model.bundle.manifest else "unknown",
        "right_whole": int((best == labels).sum()),
        "right_reduced": int((reduced.argmax(axis=1) == labels).sum()),
        "answered_otherwise": len(moved),
        "margins": [round(float(second - first), 4) for first, second in first_two],
        "dithered": int((other.argmax(axis=1) != best).sum()),
        "mean_score_change": round(float(np.abs(reduced - whole).max(axis=1).mean()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.tflite")
    parser.add_argument(
        "--photos",
        type=Path,
        required=True,
        help="CSV with the columns file and label_index, its photos in a folder of its name",
    )
    parser.add_argument("--limit", type=int, default=None, metavar="N")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with chosen.photos.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))[: chosen.limit]
    folder = chosen.photos.with_suffix("")
    found = measure(
        [Classifier(bundle.read(model)) for model in chosen.models],
        [folder / row["file"] for row in rows],
        np.array([int(row["label_index"]) for row in rows]),
    )
    if chosen.json:
        print(json.dumps(found))
        return
    print(
        f"{found['photos']} photos of 12 megapixels, reduced by {found['reduced_by']}: "
        f"{found['whole_ms']} ms whole, {found['reduced_ms']} ms reduced, "
        f"no pixel off by more than {found['largest_difference']}"
    )
    for model in found["models"]:
        print(
            f"{model['model']} ({model['recipe']}): right {model['right_whole']} whole, "
            f"{model['right_reduced']} reduced; {model['answered_otherwise']} answered otherwise, "
            f"margins {model['margins']}; {model['dithered']} by a twelfth of the values one "
            "level off"
        )


if __name__ == "__main__":
    main()
