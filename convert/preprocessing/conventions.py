"""The usual ways to feed a picture to a classifier, and the options of `build` that say each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from edge_server.inference import preprocessing
from edge_server.inference.normalization import PRESETS, Normalization
from edge_server.inference.preprocessing import ColorOrder, Filter, Fit, Preprocessing

DEFAULT_FIT: Final = Fit.CENTER_CROP
DEFAULT_FILTER: Final = Filter.BILINEAR_ANTIALIAS
FITS: Final = tuple(Fit)
FILTERS: Final = (Filter.BILINEAR_ANTIALIAS, Filter.BILINEAR)


@dataclass(frozen=True)
class Convention:
    """A normalization in one order of channels, with a fit and a filter.

    `preset` is a preset's name, or numbers of one's own in the order of the channels.
    """

    preset: str | Normalization
    color_order: ColorOrder
    fit: Fit = DEFAULT_FIT
    filter: Filter = DEFAULT_FILTER

    @property
    def normalization(self) -> tuple[str | Normalization, ColorOrder]:
        """What is done to the pixels' numbers, without fit and filter."""
        return self.preset, self.color_order

    @property
    def has_defaults(self) -> bool:
        """Whether fit and filter are those of build where it is told none."""
        return self.fit is DEFAULT_FIT and self.filter is DEFAULT_FILTER

    @property
    def own_order(self) -> bool:
        """Whether the channels are as the preset has them."""
        usual = (
            ColorOrder.RGB
            if isinstance(self.preset, Normalization)
            else PRESETS[self.preset].color_order
        )
        return self.color_order in (usual, ColorOrder.GRAYSCALE)

    @property
    def name(self) -> str:
        """The preset's, or the numbers in short."""
        return self.preset if isinstance(self.preset, str) else "own mean, std"

    def options(self) -> str:
        """What to write after `build`, without what is the default."""
        parts = [f"--preprocessing {self.preset}"]
        if isinstance(self.preset, Normalization):
            parts = [self.preset.options()]
        if not self.own_order:
            parts.append(f"--color-order {self.color_order.value}")
        if self.fit is not DEFAULT_FIT:
            parts.append(f"--fit {self.fit.value}")
        if self.filter is not DEFAULT_FILTER:
            parts.append(f"--filter {self.filter.value}")
        return " ".join(parts)

    def specification(self, width: int, height: int) -> Preprocessing:
        """The same for a model's input."""
        gray = self.color_order is ColorOrder.GRAYSCALE
        return preprocessing.from_preset(
            self.preset,
            width=width,
            height=height,
            channels=1 if gray else 3,
            fit=self.fit,
            resize_filter=self.filter,
            # Of one channel there is none to choose.
            color_order=None if gray else self.color_order,
        )

    def refinements(self) -> Iterator[Convention]:
        """The same normalization with every other fit and filter."""
        for fit in FITS:
            for how in FILTERS:
                if (fit, how) != (self.fit, self.filter):
                    yield replace(self, fit=fit, filter=how)


def normalizations(channels: int, input_dtype: str = "float32") -> tuple[Convention, ...]:
    """Every normalization and order of channels that a model's input leaves open.

    A whole-number input takes pixels as they are; one channel has no order and no means by colour.
    """
    names = [name for name in PRESETS if input_dtype == "float32" or name == "raw"]
    if channels == 1:
        gray = ColorOrder.GRAYSCALE
        return tuple(Convention(name, gray) for name in names if len(PRESETS[name].mean) == 1)
    own = [Convention(name, PRESETS[name].color_order) for name in names]
    swapped = {ColorOrder.RGB: ColorOrder.BGR, ColorOrder.BGR: ColorOrder.RGB}
    return (*own, *(replace(c, color_order=swapped[c.color_order]) for c in own))


def describing(spec: Preprocessing) -> Convention:
    """The convention that a specification follows: a preset's, else one of its own numbers."""
    for plain in normalizations(spec.channels):
        named = replace(plain, fit=spec.fit, filter=spec.filter)
        if named.specification(spec.width, spec.height) == spec:
            return named
    return Convention(Normalization(spec.mean, spec.std), spec.color_order, spec.fit, spec.filter)
