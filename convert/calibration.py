"""Photos -> representative dataset, through the device's own preprocessing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convert.console import Console
from convert.photos import Photo, PhotoSet, Unreadable, evenly, seen
from edge_server.inference import preprocessing
from edge_server.inference.decoding import Pixels
from edge_server.inference.preprocessing import FloatTensor, Preprocessing


@dataclass(frozen=True)
class Calibration:
    """Resized photos, uint8 (height, width, channels), and which could not be read.

    `photos` are the files that `pictures` were made of.
    """

    origin: Path
    pictures: tuple[Pixels, ...]
    spec: Preprocessing
    unreadable: Unreadable
    photos: tuple[Photo, ...] = ()

    def hold_back(self, count: int) -> tuple[Calibration, Calibration]:
        """All others, and `count` of the photos, spread over them."""
        total = len(self.pictures)
        held = {i * total // count for i in range(count)}
        rest = [i for i in range(total) if i not in held]
        return self._only(rest), self._only(sorted(held))

    def _only(self, chosen: Sequence[int]) -> Calibration:
        return replace(
            self,
            pictures=tuple(self.pictures[i] for i in chosen),
            photos=tuple(self.photos[i] for i in chosen) if self.photos else (),
        )

    def representative_dataset(self, console: Console) -> Callable[[], Iterator[list[FloatTensor]]]:
        """What the converter asks for: tensors float32 (1, height, width, channels)."""

        def generate() -> Iterator[list[FloatTensor]]:
            for picture in console.bar(self.pictures, len(self.pictures), "calibrating"):
                yield [preprocessing.normalize(picture, self.spec)]

        return generate


def load(photo_set: PhotoSet, spec: Preprocessing, limit: int, console: Console) -> Calibration:
    """Decode and resize at most `limit` photos, evenly chosen.

    Raises BuildError where too many can't be read.
    """
    chosen = evenly(photo_set.photos, limit)
    unreadable = Unreadable(photo_set.origin, len(chosen))
    bar = console.bar(chosen, len(chosen), "reading calibration photos")
    readable = list(seen(bar, unreadable, spec))
    unreadable.check()
    return Calibration(
        photo_set.origin,
        tuple(picture for _, picture in readable),
        spec,
        unreadable,
        tuple(photo for photo, _ in readable),
    )
